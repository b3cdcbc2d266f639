import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32cPortable } from '../../../src/iscsi/codec/digest.ts';
import { ConfigError } from '../../../src/mgmt/config/config-error.ts';
import { AtomicJournalFile } from '../../../src/mgmt/state/atomic-journal-file.ts';

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
});
