import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { constants as os, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { layoutDifferences } from '../../src/native/ring-layout.ts';
import { addonPath, describeNative, runChild, TEST_ARENA_BYTES } from './native-suite.ts';

const { EBADF, ENXIO, EWOULDBLOCK, ENOENT } = os.errno;
/** Not among Node's constants. */
const ENOTBLK = 15;

describeNative('the addon', (native) => {
  it('was compiled with the layout that ring.ts uses', () => {
    expect(layoutDifferences(native.layout)).toEqual([]);
  });

  it('needs neither liburing nor libnuma at run time', () => {
    const { stdout, status } = spawnSync('readelf', ['-d', addonPath()], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toContain('(NEEDED)');
    expect(stdout).not.toMatch(/NEEDED.*(liburing|libnuma)/);
  });

  it('exports nothing of liburing that could meet another copy of it', () => {
    const { stdout, status } = spawnSync('nm', ['-D', '--defined-only', addonPath()], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toContain('napi_register_module_v1');
    expect(stdout).not.toContain('io_uring');
  });

  it('throws a TypeError for an argument of the wrong type, and does nothing', () => {
    const { crc32c, flock, openRing, pinThread, unlock } = native as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >;
    expect(() => crc32c?.('0', Buffer.alloc(1), 0, 1)).toThrow(TypeError);
    expect(() => crc32c?.(0, 'text', 0, 1)).toThrow(TypeError);
    expect(() => flock?.({})).toThrow(TypeError);
    expect(() => unlock?.(-1)).toThrow(TypeError);
    expect(() => openRing?.({}, { depth: 1 }, () => 0)).toThrow(/arena/);
    expect(() => pinThread?.('all')).toThrow(TypeError);
    expect(() => native.crc32c(0, Buffer.alloc(4), 2, 3)).toThrow(/too short/);
    expect(() => native.crc32c(0, Buffer.alloc(4), -1, 3)).toThrow(/out of range/);
    expect(() => native.fallocate(-1, 0, 0, 1, () => 0)).toThrow(TypeError);
    expect(() => native.copyRange(0, -1, 1, 0, 1, false, () => 0)).toThrow(TypeError);
  });
});

describeNative('CRC32C', (native) => {
  const all = (value: (index: number) => number) => Uint8Array.from({ length: 32 }, (_, index) => value(index));

  // RFC 3720 B.4, with the printed bytes read as the little-endian number that they are.
  it.each([
    ['32 bytes of zeros', all(() => 0), 0x8a9136aa],
    ['32 bytes of ones', all(() => 0xff), 0x62a8ab43],
    ['32 bytes that rise', all((index) => index), 0x46dd794e],
    ['32 bytes that fall', all((index) => 31 - index), 0x113fdb5c],
    [
      'a SCSI READ(10) command PDU',
      Buffer.from(
        '01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000',
        'hex',
      ),
      0xd9963a56,
    ],
  ])('%s', (_name, bytes, crc) => {
    expect(native.crc32c(0, bytes, 0, bytes.length)).toBe(crc);
  });

  it('goes on from a cut and takes a part of a buffer', () => {
    const bytes = Buffer.from('....123456789....');
    expect(native.crc32c(0, bytes, 4, 9)).toBe(0xe3069283);
    expect(native.crc32c(native.crc32c(0, bytes, 4, 5), bytes, 9, 4)).toBe(0xe3069283);
    expect(native.crc32c(0x1234, bytes, 17, 0)).toBe(0x1234);
  });
});

describeNative('the arena', (native) => {
  it('is page-aligned memory of zeros, as long as asked for', () => {
    const { memory, numaNode, hasHugePages, reason } = native.createArena(10_000);
    expect(memory).toHaveLength(10_000);
    expect(memory.equals(Buffer.alloc(10_000))).toBe(true);
    expect({ numaNode, hasHugePages, reason }).toEqual({ numaNode: -1, hasHugePages: false, reason: null });
  });

  it('lies on the NUMA node it was bound to', () => {
    const node = native.numaTopology()[0]?.node ?? 0;
    const arena = native.createArena(TEST_ARENA_BYTES, { numaNode: node });
    arena.memory[0] = 1;
    if (arena.reason === null) expect(native.pageNode(arena.memory, 0)).toBe(node);
    else expect(arena.reason).toMatch(/not bound to NUMA node/);
  });

  it('says which part of a wish was not granted', () => {
    const arena = native.createArena(4096, { numaNode: 900 });
    expect(arena.numaNode).toBe(-1);
    expect(arena.reason).toMatch(/not bound to NUMA node 900: /);
    const huge = native.createArena(2 ** 21, { hugePages: true });
    expect(huge.reason === null).toBe(huge.hasHugePages);
  });

  it('throws where there is no memory for it', () => {
    expect(() => native.createArena(2 ** 52)).toThrow(RangeError);
    expect(() => native.createArena(0)).toThrow(TypeError);
  });

  it('has no node before it is touched', () => {
    expect(native.pageNode(native.createArena(8192).memory, 4096)).toBe(-ENOENT);
  });
});

describeNative('NUMA', (native) => {
  it('has a node with CPUs, on which a thread can be pinned', () => {
    const nodes = native.numaTopology();
    expect(nodes.length).toBeGreaterThan(0);
    expect(nodes.flatMap(({ cpus }) => cpus).length).toBeGreaterThan(0);
    expect(native.pinThread(nodes.flatMap(({ cpus }) => cpus))).toBe(0);
    expect(native.pinThread([])).toBeLessThan(0);
    expect(native.pinThread([-1])).toBeLessThan(0);
  });
});

describeNative('file calls', (native) => {
  const folder = mkdtempSync(join(tmpdir(), 'gotgt-native-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const call = (start: (done: (result: number) => void) => void) => new Promise<number>(start);

  function openFile(name: string, bytes: Buffer): number {
    const fd = openSync(join(folder, name), constants.O_RDWR | constants.O_CREAT);
    writeSync(fd, bytes);
    return fd;
  }

  it('an exclusive lock excludes every other, shared ones only the exclusive', () => {
    const first = openFile('lock', Buffer.alloc(1));
    const second = openSync(join(folder, 'lock'), constants.O_RDWR);
    expect(native.flock(first)).toBe(0);
    expect(native.flock(second)).toBe(-EWOULDBLOCK);
    expect(native.flock(second, true)).toBe(-EWOULDBLOCK);
    closeSync(first);
    expect(native.flock(second, true)).toBe(0);
    const third = openSync(join(folder, 'lock'), constants.O_RDWR);
    expect(native.flock(third, true)).toBe(0);
    expect(native.flock(third)).toBe(-EWOULDBLOCK);
    closeSync(second);
    closeSync(third);
  });

  it('a lock that is given up is free, though its file is open', () => {
    const first = openFile('unlock', Buffer.alloc(1));
    const second = openSync(join(folder, 'unlock'), constants.O_RDWR);
    expect(native.flock(first)).toBe(0);
    expect(native.unlock(first)).toBe(0);
    expect(native.unlock(first)).toBe(0);
    expect(native.flock(second)).toBe(0);
    for (const fd of [first, second]) closeSync(fd);
    expect(native.unlock(9999)).toBe(-EBADF);
  });

  it('punches a hole, and finds it', async () => {
    const fd = openFile('hole', Buffer.alloc(65536, 1));
    expect(await call((done) => native.fallocate(fd, 3, 0, 32768, done))).toBe(0);
    expect(await call((done) => native.seekData(fd, 0, done))).toBe(32768);
    expect(await call((done) => native.seekHole(fd, 32768, done))).toBe(65536);
    expect(await call((done) => native.seekData(fd, 65536, done))).toBe(-ENXIO);
    closeSync(fd);
  });

  it('copies from file to file, to the end of the source', async () => {
    const from = openFile('copied', Buffer.from('0123456789'));
    const to = openFile('copy', Buffer.alloc(16, 'x'));
    expect(await call((done) => native.copyRange(from, 2, to, 5, 4, false, done))).toBe(4);
    expect(readFileSync(join(folder, 'copy'), 'latin1')).toBe('xxxxx2345xxxxxxx');
    expect(await call((done) => native.copyRange(from, 8, to, 0, 4, false, done))).toBe(2);
    expect(await call((done) => native.copyRange(from, 10, to, 0, 4, false, done))).toBe(0);
    expect(await call((done) => native.copyRange(from, 10, to, 0, 4, true, done))).toBe(0);
    expect(await call((done) => native.copyRange(9999, 0, to, 0, 4, true, done))).toBe(-EBADF);
    closeSync(from);
    closeSync(to);
  });

  it('writes with RWF_DSYNC from the middle of a buffer', async () => {
    const fd = openFile('dsync', Buffer.alloc(16));
    expect(await call((done) => native.writeDsync(fd, Buffer.from('..abc..'), 2, 3, 5, done))).toBe(3);
    expect(await call((done) => native.writeDsync(9999, Buffer.from('abc'), 0, 3, 5, done))).toBe(-EBADF);
    closeSync(fd);
  });

  it('tells a file from a block device', () => {
    const fd = openFile('plain', Buffer.alloc(1));
    expect(native.blockDeviceSize(fd)).toBe(-ENOTBLK);
    const alignment = native.directAlignment(fd);
    if (typeof alignment !== 'number') expect(alignment.offsetBytes % 512).toBe(0);
    else expect(alignment).toBeLessThan(0);
    closeSync(fd);
  });

  it('what a callback throws is an uncaught exception, not lost', async () => {
    const { end, stdout } = await runChild(`
      process.on('uncaughtException', (e) => { console.log('caught ' + e.message); process.exitCode = 7; });
      native.seekData(9999, 0, () => { throw new Error('mine'); });
    `);
    expect({ end, stdout }).toEqual({ end: 7, stdout: 'caught mine' });
  });
});
