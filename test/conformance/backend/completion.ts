/** Contract: each I/O ends once, never inside submit, and close waits for all of them. */
import { expect, it } from 'vitest';
import type { IoOp } from '../../../src/backend/backend.ts';
import { BackendIo, IO_FLUSH, IO_OK, IO_READ, IO_WRITE, IO_WRITE_PROTECTED } from '../../../src/backend/backend.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';

export function describeCompletion(bench: Bench): void {
  it('every kind of I/O ends once, and never before submit has returned', async () => {
    const store = await bench.store();
    const slot = bench.rig.takeSlot(4096);
    const all = await Promise.all([
      store.write(0, 4096, slot),
      store.write(4096, 4096, slot, true),
      store.flush(),
      store.unmap(MIB, 65536),
      store.writeZeroes(2 * MIB, 65536, true),
      store.writeZeroes(4 * MIB, 2 * MIB, false),
    ]);
    all.push(await store.read(0, 4096, slot));
    expect(all.map((io) => io.status)).toEqual(all.map(() => IO_OK));
    expect(store.inFlight).toBe(0); // the bench looks at store.faults
  });

  it('takes 500 I/Os at once', async () => {
    const store = await bench.store();
    const slots = Array.from({ length: 500 }, () => bench.rig.takeSlot(4096));
    slots.forEach((slot, i) => {
      bytesOf(slot, 4096).fill(i & 0xff);
    });
    const writes = await Promise.all(slots.map((slot, i) => store.write(i * 4096, 4096, slot)));
    expect(writes.every((io) => io.status === IO_OK)).toBe(true);
    const reads = await Promise.all(slots.map((slot, i) => store.read(i * 4096, 4096, slot)));
    expect(reads.every((io) => io.status === IO_OK)).toBe(true);
    const first = slots.map((slot) => bytesOf(slot, 4096)[4095]);
    const isForgetful = bench.subject.scheme === 'null';
    expect(first).toEqual(slots.map((_slot, i) => (isForgetful ? 0 : i & 0xff)));
  });

  it('an I/O may be submitted again from its own end', async () => {
    const backend = await bench.backend();
    const slot = bench.rig.takeSlot(4096);
    const ops: readonly IoOp[] = [IO_WRITE, IO_READ, IO_FLUSH];
    let left = 300;
    let depth = 0;
    await new Promise<void>((resolve) => {
      const io = new BackendIo({
        onIoDone(): void {
          depth += 1;
          expect(depth).toBe(1);
          expect(io.status).toBe(IO_OK);
          left -= 1;
          io.op = ops[left % 3] as IoOp;
          io.lengthBytes = io.op === IO_FLUSH ? 0 : 4096;
          if (left === 0) resolve();
          else backend.submit(io);
          depth -= 1;
        },
      });
      io.op = IO_WRITE;
      io.lengthBytes = 4096;
      io.memory = slot.memory;
      io.memoryOffset = slot.dataOffset;
      backend.submit(io);
    });
    expect(left).toBe(0);
  });

  it('close waits for what was submitted', async () => {
    const backend = await bench.backend();
    const store = bench.submitter(backend);
    const slot = bench.rig.takeSlot(262144);
    bytesOf(slot, 262144).fill(0x77);
    const writes = Array.from({ length: 100 }, (_, i) => store.write(i * 262144, 262144, slot));
    const others = [store.unmap(40 * MIB, 65536), store.flush(), store.write(48 * MIB, 4096, slot, true)];
    await bench.close(backend);
    expect(store.inFlight).toBe(0);
    for (const io of await Promise.all([...writes, ...others])) expect(io.status).toBe(IO_OK);
  });
}

export function describeReadOnly(bench: Bench): void {
  it('a read-only store reads and flushes, and every change to it is WRITE PROTECTED', async () => {
    await bench.close(await bench.backend());
    const backend = await bench.backend({ isReadOnly: true });
    expect(backend.capabilities.isReadOnly).toBe(true);
    const store = bench.submitter(backend);
    const slot = bench.rig.takeSlot(4096);
    const allowed = await Promise.all([store.read(0, 4096, slot), store.flush()]);
    expect(allowed.map((io) => io.status)).toEqual([IO_OK, IO_OK]);
    const refused = await Promise.all([
      store.write(0, 4096, slot),
      store.write(0, 4096, slot, true),
      store.unmap(0, 4096),
      store.writeZeroes(0, 4096, true),
      store.writeZeroes(0, 4 * MIB, false),
    ]);
    expect(refused.map((io) => io.status)).toEqual(refused.map(() => IO_WRITE_PROTECTED));
  });
}
