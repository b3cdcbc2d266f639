/** Errors come from files that give them: /dev/full has no space, /proc/self/mem has no byte 0, a descriptor is closed. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type BackendIo,
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_OK,
  IO_READ,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_ZEROES,
  type IoStatus,
} from '../../../src/backend/backend.ts';
import { FileOperation } from '../../../src/backend/file-operation.ts';
import { FailureNews } from '../../../src/backend/io/failure-news.ts';
import { RecordingOwner } from './recording-owner.ts';

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});

function openPath(path: string, flags: string): number {
  const fd = openSync(path, flags);
  opened.push(fd);
  return fd;
}

const owner = new RecordingOwner();

function runOn(fd: number, io: BackendIo, zeroBytes = 4096): Promise<IoStatus> {
  return new Promise((resolve) => {
    const file = { fd, dsyncFd: fd, zeros: Buffer.alloc(zeroBytes) };
    const failures = new FailureNews(() => undefined, '');
    new FileOperation(file, {
      onOperationDone: () => resolve(IO_OK),
      onOperationFailed: (_operation, failed, errno) => resolve(failures.statusOf(failed, errno)),
    }).start(io);
  });
}

describe('file operation', () => {
  const scratch = join(tmpdir(), `gotgt-operation-${process.pid}`);

  it('a write to a full device is NO SPACE, with FUA too, and so are zeros', async () => {
    const fd = openPath('/dev/full', 'r+');
    const plain = owner.io(IO_WRITE, 0, 4096, Buffer.alloc(4096));
    expect(await runOn(fd, plain)).toBe(IO_NO_SPACE);
    const fua = owner.io(IO_WRITE, 0, 4096, Buffer.alloc(4096));
    fua.isFua = true;
    expect(await runOn(fd, fua)).toBe(IO_NO_SPACE);
    expect(await runOn(fd, owner.io(IO_WRITE_ZEROES, 0, 4096))).toBe(IO_NO_SPACE);
  });

  it('a read that the medium fails is a MEDIUM ERROR', async () => {
    const io = owner.io(IO_READ, 0, 4096, Buffer.alloc(4096));
    expect(await runOn(openPath('/proc/self/mem', 'r'), io)).toBe(IO_MEDIUM_ERROR);
  });

  it('a descriptor that is broken is a HARDWARE ERROR', async () => {
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    expect(await runOn(fd, owner.io(IO_READ, 0, 512, Buffer.alloc(512)))).toBe(IO_HARDWARE_ERROR);
  });

  it('a read that meets the end of the file is a MEDIUM ERROR after the bytes there were', async () => {
    writeFileSync(scratch, 'x'.repeat(1000));
    const io = owner.io(IO_READ, 512, 1024, Buffer.alloc(1024));
    expect(await runOn(openPath(scratch, 'r'), io)).toBe(IO_MEDIUM_ERROR);
    expect(io.doneBytes).toBe(488);
    rmSync(scratch);
  });

  it.each([IO_WRITE_ZEROES, IO_UNMAP] as const)(
    'op %d is done by writing zeros, in as many pieces as it takes',
    async (op) => {
      writeFileSync(scratch, 'x'.repeat(8192));
      expect(await runOn(openPath(scratch, 'r+'), owner.io(op, 512, 5000), 1024)).toBe(IO_OK);
      const expected = Buffer.alloc(8192, 'x').fill(0, 512, 5512);
      expect(readFileSync(scratch).equals(expected)).toBe(true);
      rmSync(scratch);
    },
  );

  it('an operation is free for the next I/O when it tells the end of the last', async () => {
    const fd = openPath('/dev/zero', 'r+');
    const ios = Array.from({ length: 3 }, () => owner.io(IO_READ, 0, 512, Buffer.alloc(512, 1)));
    let at = 0;
    await new Promise<void>((resolve) => {
      const file = { fd, dsyncFd: -1, zeros: Buffer.alloc(512) };
      const operation = new FileOperation(file, {
        onOperationFailed: () => expect.unreachable(),
        onOperationDone(same, io) {
          expect(same).toBe(operation);
          expect(io).toBe(ios[at]);
          at += 1;
          if (at === ios.length) resolve();
          else operation.start(ios[at]!);
        },
      });
      operation.start(ios[0]!);
      expect(() => operation.start(ios[1]!)).toThrow('one I/O at a time');
    });
    expect(ios.every((io) => io.memory?.every((byte) => byte === 0))).toBe(true);
  });
});
