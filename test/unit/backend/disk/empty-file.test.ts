/** What a store tells of its holes without the addon: that there is nothing else, or nothing. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDiskFile } from '../../../../src/backend/disk/disk-file.ts';

const SIZE = 1048576;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gotgt-empty-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** "hole", or the code of the error. */
async function allocationOf(content: (path: string) => void): Promise<string> {
  const path = join(folder, 'disk');
  content(path);
  const spec = { path, sizeBytes: null, blockBytes: 512, isReadOnly: false, isThin: true, isDirect: false };
  const disk = await openDiskFile(spec, { native: null, note: () => undefined });
  try {
    const extents = await disk.allocation(512, 4096, 16);
    expect(extents).toEqual([{ offsetBytes: 512, lengthBytes: 4096, isAllocated: false }]);
    return 'hole';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await disk.close();
  }
}

function sparse(path: string, bytes = SIZE): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
}

it('a file without a block is a hole', async () => {
  expect(await allocationOf((path) => sparse(path))).toBe('hole');
});

it('a byte anywhere, just written, and the whole may be data', async () => {
  const written = await allocationOf((path) => {
    sparse(path);
    writeFileSync(path, 'x', { flag: 'r+' });
  });
  expect(written).toBe('NOT_SUPPORTED');
});

it('a file that may lie in its inode may be data', async () => {
  expect(await allocationOf((path) => sparse(path, 32768))).toBe('NOT_SUPPORTED');
});
