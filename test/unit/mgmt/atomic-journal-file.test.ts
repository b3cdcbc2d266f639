import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32cPortable } from '../../../src/iscsi/codec/digest.ts';
import { ConfigError } from '../../../src/mgmt/config/config-error.ts';
import { AtomicJournalFile } from '../../../src/mgmt/state/atomic-journal-file.ts';

const CAN_MOUNT = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

const RECORD = { medium: '', offsetBytes: 2 ** 40 + 512, before: Buffer.alloc(1536, 1), after: Buffer.alloc(1536, 2) };

describe('the journal of atomic writes in its file', () => {
  let directory = '';
  const faults: string[] = [];
  const mended: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gotgt-journal-'));
    faults.length = 0;
    mended.length = 0;
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const open = (folder = directory) =>
    new AtomicJournalFile(
      folder,
      'u',
      '/disk.img',
      crc32cPortable,
      (fault) => faults.push(fault),
      (news) => mended.push(news),
    );
  const keep = (file: AtomicJournalFile, record = RECORD) => new Promise((resolve) => file.keep(record, resolve));
  const clear = (file: AtomicJournalFile) => new Promise((resolve) => file.clear(resolve));

  it('tells the operator of which disk it speaks', () => {
    const file = open();
    file.complain('it is broken');
    file.tellMended('it is mended');
    expect([faults, mended]).toEqual([[`${file.path}: it is broken`], [`${file.path}: it is mended`]]);
  });

  it('holds nothing before the first record, and nothing once it is cleared', async () => {
    const file = open();
    expect(await file.load()).toBeNull();
    expect(await keep(file)).toBe(true);
    expect(await clear(file)).toBe(true);
    expect(await open().load()).toBeNull();
  });

  it('gives a record back, with the medium that it is about', async () => {
    const file = open();
    expect(await clear(file)).toBe(true);
    await keep(file, { ...RECORD, before: Buffer.alloc(8192), after: Buffer.alloc(8192) });
    await keep(file);
    expect(await open().load()).toEqual({ ...RECORD, medium: '/disk.img' });
    await keep(file, { ...RECORD, medium: '/other.iso' });
    expect(await open().load()).toEqual({ ...RECORD, medium: '/other.iso' });
  });

  it('a record that is cut or damaged anywhere is none', async () => {
    const file = open();
    await keep(file);
    const whole = readFileSync(file.path);
    for (const lengthBytes of [0, 1, 511, 512, 600, whole.length - 1]) {
      writeFileSync(file.path, whole.subarray(0, lengthBytes));
      expect(await open().load()).toBeNull();
    }
    for (const at of [0, 12, 16, 24, 28, 100, 515, 700, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      writeFileSync(file.path, damaged);
      expect(await open().load()).toBeNull();
    }
  });

  it('of another version, or that cannot be read, stops the start', async () => {
    const file = open();
    await keep(file);
    const other = readFileSync(file.path);
    other.writeUInt32BE(2, 8);
    writeFileSync(file.path, other);
    await expect(open().load()).rejects.toThrow(ConfigError);
    rmSync(file.path);
    mkdirSync(file.path);
    await expect(open().load()).rejects.toThrow(ConfigError);
  });

  it('that cannot be written says so', async () => {
    const gone = open(join(directory, 'gone'));
    expect(await gone.isWritable()).toBe(false);
    expect([await keep(gone), await clear(gone)]).toEqual([false, false]);
    expect(faults).toHaveLength(2);
    expect(await open().isWritable()).toBe(true);
  });

  it('that was never opened for a record holds none; one that was may come back with it', async () => {
    const folder = join(directory, 'state');
    mkdirSync(folder);
    const file = open(folder);
    expect(await file.load()).toBeNull();
    renameSync(folder, `${folder}-gone`);
    expect([await keep(file), await clear(file)]).toEqual([false, true]);
    renameSync(`${folder}-gone`, folder);
    expect(await keep(file)).toBe(true);
    renameSync(folder, `${folder}-gone`);
    expect(await clear(file)).toBe(false);
    renameSync(`${folder}-gone`, folder);
    expect(await open(folder).load()).not.toBeNull();
    expect(await clear(file)).toBe(true);
    expect(await open(folder).load()).toBeNull();
  });

  it.runIf(CAN_MOUNT)('on a full file system keeps nothing and is clear', async () => {
    const full = join(directory, 'full');
    mkdirSync(full);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', full]).status).toBe(0);
    try {
      const filler = join(full, 'filler');
      const file = open(full);
      expect(await file.load()).toBeNull();
      // No room for the first page of the journal, then for two of them alone.
      for (const fillerBytes of [16384, 8192]) {
        writeFileSync(filler, Buffer.alloc(fillerBytes));
        const record = { ...RECORD, before: Buffer.alloc(8192, 1), after: Buffer.alloc(8192, 2) };
        expect([await keep(file, record), await clear(file)]).toEqual([false, true]);
        expect(await open(full).load()).toBeNull();
      }
      rmSync(filler);
      expect(await keep(file)).toBe(true);
      expect(await open(full).load()).not.toBeNull();
      expect(await clear(file)).toBe(true);
    } finally {
      spawnSync('umount', [full]);
    }
  });
});
