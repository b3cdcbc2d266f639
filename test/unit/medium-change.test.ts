/** Another medium for a drive whose last commands have left something behind: the old one stays. */
import { expect, it } from 'vitest';
import { IO_NO_SPACE, IO_OK, IO_WRITE } from '../../src/backend/backend.ts';
import { takeMedia } from '../../src/medium-change.ts';
import type { Configuration, StorageConfig } from '../../src/mgmt/config/configuration.ts';
import type { RunningDaemon } from '../../src/running-daemon.ts';
import { cdb16, Harness, pattern } from './scsi/device-harness.ts';
import { MemoryBackend } from './scsi/memory-backend.ts';
import { MemoryJournal } from './scsi/sbc/memory-journal.ts';

const SIZE_BYTES = 2 ** 20;
const BLOCKS = 16;

it('a medium is not changed while an atomic write on the old one is half done', async () => {
  const journal = new MemoryJournal();
  const harness = new Harness({ sizeBytes: SIZE_BYTES, unit: { isRemovable: true, atomicJournal: journal } });
  const { unit, backend } = harness;
  const closed: object[] = [];
  const warnings: string[] = [];
  const opened = new MemoryBackend(SIZE_BYTES);
  const storage = { deviceID: 1, path: '/a.img', scheme: 'file', isRemovable: true, blockShift: 9 } as StorageConfig;
  const wanted: StorageConfig = { ...storage, path: '/b.img' };
  const running = {
    reactor: { openStore: () => Promise.resolve(opened), closeStore: (store: object) => void closed.push(store) },
    logger: { warn: (_: object, message: string) => void warnings.push(message), info: () => undefined },
    storages: new Map([[1, { storage, unit }]]),
  } as unknown as RunningDaemon;

  const cdb = cdb16(0x9c, 0, 0);
  cdb[13] = BLOCKS;
  const client = harness.start(cdb, { dataOut: pattern(BLOCKS) });
  const changing = takeMedia(running, { storages: [wanted] } as unknown as Configuration);
  await new Promise(setImmediate);
  expect([unit.isMediumChanging, client.outcome]).toEqual([true, 'running']);
  let writes = 0;
  backend.fault = ({ op }) => {
    if (op === IO_WRITE) writes += 1;
    return op === IO_WRITE || writes > 0 ? IO_NO_SPACE : IO_OK;
  };
  do harness.settle();
  while (journal.complete());
  await changing;
  expect([client.outcome, unit.atomicWrites.isBroken]).toEqual(['7/27/7', true]);
  expect([unit.backend === backend, unit.isMediumPresent, unit.isMediumChanging]).toEqual([true, true, false]);
  expect(closed).toEqual([opened]);
  expect(warnings).toEqual([expect.stringMatching(/^the medium was not changed: .*half done/)]);
});
