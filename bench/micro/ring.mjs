/** The ring: 32 reads of 4 KiB from the page cache in one enter, by descriptor and by registered file; an enter without work. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadNative } from '../../dist/native/binding.js';
import { openRing, RING_READ, RING_WRITE } from '../../dist/native/ring.js';
import { TickBatch } from '../../dist/util/tick-batch.js';

const FILE_BYTES = 16 << 20;
const IO_BYTES = 4096;
const DEPTH = 32;

/** Empty, with a reason, where there is no ring. */
export function ringCases() {
  const { native, reason } = loadNative();
  if (native === null) return { cases: [], reason };
  const arena = native.createArena(1 << 20);
  let tick = () => undefined;
  const batch = new TickBatch((work) => {
    tick = work;
  });
  const opening = openRing({ native, arena, batch, depth: 128 });
  if (opening.ring === null) return { cases: [], reason: opening.reason };
  const fd = openScratchFile();
  process.once('exit', () => closeSync(fd));
  const doTick = () => tick();
  const cases = [
    ioCase('ring, 4 KiB read from the page cache, 32 per enter', opening.ring, RING_READ, fd, DEPTH, doTick),
    ioCase(
      'ring, the same from a registered file',
      opening.ring,
      RING_READ | opening.ring.registerFile(fd),
      fd,
      DEPTH,
      doTick,
    ),
    ioCase('ring, 4 KiB read from the page cache, 1 per enter', opening.ring, RING_READ, fd, 1, doTick),
    ioCase('ring, 4 KiB write to the page cache, 32 per enter', opening.ring, RING_WRITE, fd, DEPTH, doTick),
    { name: 'ring, enter without work', perCall: 1, run: () => opening.ring.flushBatch() },
  ];
  return { cases, reason: null };
}

function ioCase(name, ring, opcode, fd, depth, doTick) {
  const owner = {
    onRingDone(_item, result) {
      if (result !== IO_BYTES) throw new Error(`an I/O of this benchmark ended with ${result}`);
    },
    onRingRoom: () => undefined,
  };
  let at = 0;
  const run = () => {
    for (let i = 0; i < depth; i++) {
      at = (at + 40503 * IO_BYTES) % FILE_BYTES; // over all of the file, in no order a disk would like
      ring.start(owner, i, opcode, fd, IO_BYTES, at, i * IO_BYTES);
    }
    doTick();
    while (ring.inFlight > 0) ring.flushBatch(); // what the kernel did not finish within enter
  };
  return { name, perCall: depth, run };
}

function openScratchFile() {
  const dir = mkdtempSync(join(tmpdir(), 'gotgt-micro-'));
  const path = join(dir, 'disk.img');
  writeFileSync(path, Buffer.alloc(FILE_BYTES, 1));
  const fd = openSync(path, 'r+');
  rmSync(dir, { recursive: true });
  return fd;
}
