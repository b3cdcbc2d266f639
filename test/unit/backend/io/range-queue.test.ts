import { describe, expect, it } from 'vitest';
import { type BackendIo, IO_UNMAP } from '../../../../src/backend/backend.ts';
import { type DiskTools, FALLOCATE_PUNCH_HOLE, FALLOCATE_ZERO_RANGE } from '../../../../src/backend/disk/disk-tools.ts';
import { RangeQueue } from '../../../../src/backend/io/range-queue.ts';
import { RecordingOwner } from '../recording-owner.ts';

const EOPNOTSUPP = 95;

/** Tools whose fallocate ends when the test says so. */
function manualTools(): { tools: DiskTools; calls: string[]; end: (errno: number) => void } {
  const calls: string[] = [];
  const running: ((errno: number) => void)[] = [];
  const tools: DiskTools = {
    seek: null,
    unlock: null,
    copyRange: null,
    lock: async () => true,
    fallocate(fd, mode, offsetBytes, lengthBytes, onDone) {
      calls.push(`${fd} ${mode} ${offsetBytes}+${lengthBytes}`);
      running.push(onDone);
    },
  };
  const end = (errno: number): void => {
    expect(running).toHaveLength(1); // never two at once
    running.shift()!(errno);
  };
  return { tools, calls, end };
}

describe('range queue', () => {
  it('makes one call at a time, in the order of submission', () => {
    const { tools, calls, end } = manualTools();
    const told: [string, BackendIo][] = [];
    const queue = new RangeQueue(7, tools, {
      onRangeZeroed: (io) => told.push(['zeroed', io]),
      onRangeRefused: (io) => told.push(['refused', io]),
    });
    const owner = new RecordingOwner();
    const [first, second, third] = [0, 1, 2].map((i) => owner.io(IO_UNMAP, i * 4096, 4096)) as [
      BackendIo,
      BackendIo,
      BackendIo,
    ];
    queue.submit(first, FALLOCATE_PUNCH_HOLE);
    queue.submit(second, FALLOCATE_ZERO_RANGE);
    queue.submit(third, FALLOCATE_PUNCH_HOLE);
    expect(calls).toEqual(['7 3 0+4096']);
    end(0);
    expect(calls).toEqual(['7 3 0+4096', '7 17 4096+4096']);
    expect(queue.canZeroRange).toBe(true);
    end(-EOPNOTSUPP);
    expect(queue.canZeroRange).toBe(false);
    end(-EOPNOTSUPP);
    expect(calls).toHaveLength(3);
    expect(told).toEqual([
      ['zeroed', first],
      ['refused', second],
      ['refused', third],
    ]);
  });

  it('takes a range that is submitted from the end of another', () => {
    const { tools, calls, end } = manualTools();
    const owner = new RecordingOwner();
    const again = owner.io(IO_UNMAP, 8192, 512);
    const queue = new RangeQueue(7, tools, {
      onRangeZeroed: (io) => {
        if (io !== again) queue.submit(again, FALLOCATE_PUNCH_HOLE);
      },
      onRangeRefused: () => undefined,
    });
    queue.submit(owner.io(IO_UNMAP, 0, 512), FALLOCATE_PUNCH_HOLE);
    end(0);
    expect(calls).toEqual(['7 3 0+512', '7 3 8192+512']);
    end(0);
  });
});
