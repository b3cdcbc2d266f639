import { describe, expect, it } from 'vitest';
import { parseStoragePath } from '../../../src/backend/storage-path.ts';

describe('storage path', () => {
  it.each([
    ['file:/srv/a.img', null, 'file', '/srv/a.img'],
    ['iouring:/srv/a.img', null, 'iouring', '/srv/a.img'],
    ['iouring:/srv/a.img', '', 'iouring', '/srv/a.img'],
    ['/srv/a.img', 'iouring', 'iouring', '/srv/a.img'],
    ['/srv/a.img', null, 'file', '/srv/a.img'],
    ['/srv/a.img', '', 'file', '/srv/a.img'],
    ['disks/a.img', null, 'file', 'disks/a.img'],
    ['/srv/with:colon.img', null, 'file', '/srv/with:colon.img'],
    ['./with:colon.img', null, 'file', './with:colon.img'],
    ['file:///srv/a.img', null, 'file', '/srv/a.img'],
    ['FILE:/srv/A.img', ' File ', 'file', '/srv/A.img'],
    ['file:/srv/new\nline', null, 'file', '/srv/new\nline'],
    ['null:', null, 'null', ''],
    ['', 'null', 'null', ''],
    ['s3:bucket/volume', 's3', 's3', 'bucket/volume'],
    ['ceph-rbd:pool/image', null, 'ceph-rbd', 'pool/image'],
  ])('path %j with backendType %j is %s at %j', (path, backendType, scheme, expected) => {
    expect(parseStoragePath(path, backendType)).toEqual({ scheme, path: expected });
  });

  it('a scheme and a backendType that differ are a fault that names both', () => {
    expect(parseStoragePath('file:/srv/a.img', 'iouring')).toEqual({
      fault: 'path "file:/srv/a.img" says file, backendType says iouring: give one of the two, or the same in both',
    });
  });

  it.each([
    ['', null],
    ['file:', null],
    ['iouring:', 'iouring'],
  ])('path %j with backendType %j is a fault: there is no path', (path, backendType) => {
    expect(parseStoragePath(path, backendType)).toHaveProperty('fault', expect.stringContaining('needs a path'));
  });

  it('a NUL in a path is a fault', () => {
    expect(parseStoragePath('/srv/a\0b', null)).toHaveProperty('fault');
  });
});
