import { describe, expect, it } from 'vitest';
import { IO_MEDIUM_ERROR, IO_OK, IO_READ } from '../../../../src/backend/backend.ts';
import { InFlight } from '../../../../src/backend/io/in-flight.ts';
import { LateCompletion } from '../../../../src/backend/io/late-completion.ts';
import { TickBatch } from '../../../../src/util/tick-batch.ts';
import { RecordingOwner } from '../recording-owner.ts';

describe('I/O in flight', () => {
  it.each([
    [-512, 512],
    [4096, 512],
    [3584, 1024],
  ])('an I/O at %d of %d bytes outside a store of 4096 stops the process', (offsetBytes, lengthBytes) => {
    const io = new RecordingOwner().io(IO_READ, offsetBytes, lengthBytes);
    expect(() => new InFlight().begin(io, 4096)).toThrow('in its store');
  });

  it('an I/O that ends twice stops the process', () => {
    const inFlight = new InFlight();
    const io = new RecordingOwner().io(IO_READ, 0, 4096);
    inFlight.begin(io, 4096);
    inFlight.end(io, IO_OK);
    expect(() => inFlight.end(io, IO_OK)).toThrow('ends once');
  });

  it('is idle when nothing is in flight, also what an end submits again', async () => {
    const inFlight = new InFlight();
    await inFlight.idle();
    const owner = new RecordingOwner();
    const [first, second] = [owner.io(IO_READ, 0, 512), owner.io(IO_READ, 512, 512)] as const;
    first.owner = { onIoDone: () => inFlight.begin(second, 4096) };
    inFlight.begin(first, 4096);
    let idleCount = 0;
    const idle = [inFlight.idle(), inFlight.idle()].map((done) =>
      done.then(() => {
        idleCount += 1;
      }),
    );
    inFlight.end(first, IO_OK);
    await Promise.resolve();
    expect(idleCount).toBe(0);
    inFlight.end(second, IO_MEDIUM_ERROR);
    await Promise.all(idle);
    expect(owner.ended).toEqual([second]);
    expect(second.status).toBe(IO_MEDIUM_ERROR);
  });
});

describe('late completion', () => {
  it('ends I/O in order with the batch, and what an end submits again after it', () => {
    const deferred: (() => void)[] = [];
    const inFlight = new InFlight();
    const late = new LateCompletion(new TickBatch((work) => deferred.push(work)), inFlight);
    const owner = new RecordingOwner();
    const [first, second] = [owner.io(IO_READ, 0, 512), owner.io(IO_READ, 512, 512)] as const;
    let rounds = 0;
    first.owner = {
      onIoDone(io) {
        owner.onIoDone(io);
        rounds += 1;
        if (rounds > 1) return;
        inFlight.begin(io, 4096);
        late.end(io, IO_OK);
      },
    };
    for (const io of [first, second]) {
      inFlight.begin(io, 4096);
      late.end(io, IO_MEDIUM_ERROR);
    }
    expect(owner.ended).toEqual([]);
    for (const work of deferred.splice(0)) work();
    expect(owner.ended).toEqual([first, second, first]);
    expect([first.status, second.status]).toEqual([IO_OK, IO_MEDIUM_ERROR]);
    expect(deferred).toEqual([]);
  });
});
