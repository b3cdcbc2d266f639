import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackendIo, IO_FLUSH, IO_HARDWARE_ERROR, IO_OK } from '../../../../src/backend/backend.ts';
import { Durability } from '../../../../src/backend/io/durability.ts';
import { FlushGroup } from '../../../../src/backend/io/flush-group.ts';
import { InFlight } from '../../../../src/backend/io/in-flight.ts';
import { RecordingOwner } from '../recording-owner.ts';

describe('flush group', () => {
  let folder = '';
  let fd = -1;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gotgt-flush-'));
    fd = openSync(join(folder, 'disk'), 'w+');
  });
  afterEach(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  function groupOver(descriptor: number): { submit: (io: BackendIo) => void; durability: Durability } {
    const inFlight = new InFlight();
    const durability = new Durability(() => undefined);
    const group = new FlushGroup(descriptor, durability, inFlight);
    const submit = (io: BackendIo): void => {
      inFlight.begin(io, 4096);
      group.submit(io);
    };
    return { submit, durability };
  }

  it('all flushes end well, in order, those too that come while one runs or from the end of another', async () => {
    const { submit } = groupOver(fd);
    const owner = new RecordingOwner();
    const ios = Array.from({ length: 20 }, () => owner.io(IO_FLUSH, 0, 0));
    const nested = owner.io(IO_FLUSH, 0, 0);
    ios[0]!.owner = {
      onIoDone(io) {
        owner.onIoDone(io);
        submit(nested);
      },
    };
    for (const io of ios) submit(io);
    expect(owner.ended).toEqual([]);
    await owner.endOf(21);
    expect(owner.ended).toEqual([...ios, nested]);
    expect(owner.ended.every((io) => io.status === IO_OK)).toBe(true);
  });

  it('a sync that fails fails every flush that waited for it, and stays failed', async () => {
    const unsyncable = openSync('/dev/null', 'r+'); // fdatasync(2): EINVAL
    const { submit, durability } = groupOver(unsyncable);
    const owner = new RecordingOwner();
    for (let i = 0; i < 3; i++) submit(owner.io(IO_FLUSH, 0, 0));
    await owner.endOf(3);
    expect(owner.ended.map((io) => io.status)).toEqual([IO_HARDWARE_ERROR, IO_HARDWARE_ERROR, IO_HARDWARE_ERROR]);
    expect(durability.isLost).toBe(true);
    closeSync(unsyncable);
  });
});
