/**
 * Another medium in a removable disk or a CD-ROM drive that is served: the configuration, read again, names another file. That
 * is opened and locked first; only then the old medium leaves the drive, and when its last command has ended the new one takes
 * its place. Whatever cannot be is a sentence in the log, and the drive stays as it was.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Backend, BackendError } from './backend/backend.ts';
import type { Configuration, StorageConfig } from './mgmt/config/configuration.ts';
import type { Reactor } from './reactor.ts';
import type { RunningDaemon, ServedStorage } from './running-daemon.ts';
import type { LogicalUnit } from './scsi/unit/logical-unit.ts';

/** What the commands on the old medium may take to end; no initiator waits longer for one command. */
export const MEDIUM_CHANGE_MS_MAX = 10_000;
const IDLE_CHECK_MS = 10;

/** Changes the media whose files `configuration` names otherwise, and loads those that were ejected. */
export async function takeMedia(running: RunningDaemon, { storages }: Configuration): Promise<void> {
  const drives = [...running.storages.values()].filter(({ unit }) => unit.isRemovable);
  await Promise.all(
    drives.map(async (served) => {
      const wanted = storages.find(({ deviceID }) => deviceID === served.storage.deviceID);
      if (wanted?.isRemovable !== true) return;
      if (isSameFile(served.storage, wanted)) served.unit.loadMedium(null);
      else await change(running, served, wanted);
    }),
  );
}

type Fault = string;

const FAULT_HALF_DONE = 'an atomic write on what is in the drive is half done, and not undone yet';

function isSameFile(one: StorageConfig, other: StorageConfig): boolean {
  return one.path === other.path && one.scheme === other.scheme;
}

async function change({ reactor, logger }: RunningDaemon, served: ServedStorage, wanted: StorageConfig): Promise<void> {
  const { deviceID, path } = wanted;
  const fault = faultOf(served, wanted) ?? (await exchange(reactor, served, wanted));
  const { unit, storage } = served;
  const isChanged = storage === wanted;
  if (isChanged) logger.info({ deviceID, path, sizeBytes: unit.sizeBytes }, 'the medium was changed');
  if (fault !== null) logger.warn({ deviceID, path }, isChanged ? fault : `the medium was not changed: ${fault}`);
}

/** Why the medium cannot leave the drive, or this one cannot come; null: nothing stands in the way. */
function faultOf({ unit, storage }: ServedStorage, wanted: StorageConfig): Fault | null {
  if (wanted.deviceType !== storage.deviceType) return 'the kind of the storage holds from the next start on';
  if (wanted.blockShift !== storage.blockShift)
    return 'its blocks would have another size; restart the daemon for that';
  if (unit.erasure.current !== null) return 'what is in the drive is being erased, or that has failed';
  if (unit.atomicWrites.isBroken) return FAULT_HALF_DONE;
  if (!unit.isMediumPresent || !unit.isRemovalPrevented) return null;
  unit.requestEject();
  return 'an initiator prevents the removal; it was asked to let go, try again when it has';
}

async function exchange(reactor: Reactor, served: ServedStorage, wanted: StorageConfig): Promise<Fault | null> {
  let opened: Backend;
  try {
    opened = await reactor.openStore(wanted);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return error.message;
  }
  const { unit } = served;
  const before = unit.backend;
  const fault = faultOf(served, wanted) ?? (await putIn(unit, opened, wanted));
  if (fault === null) served.storage = wanted;
  return (await close(reactor, fault === null ? before : opened)) ?? fault;
}

/** The last writes may be lost. */
async function close(reactor: Reactor, backend: Backend): Promise<Fault | null> {
  try {
    await reactor.closeStore(backend);
    return null;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return error.message;
  }
}

async function putIn(
  unit: LogicalUnit,
  opened: Backend,
  { path, isReadOnly, isThin }: StorageConfig,
): Promise<Fault | null> {
  const wasPresent = unit.isMediumPresent;
  unit.ejectMedium();
  unit.isMediumChanging = true;
  const deadline = performance.now() + MEDIUM_CHANGE_MS_MAX;
  while (unit.taskCount > 0 && performance.now() < deadline) await delay(IDLE_CHECK_MS);
  const fault = whyNotAtRest(unit);
  if (fault === null) {
    unit.changeMedium(opened, { mediumName: path, isReadOnly, isThin });
  } else {
    unit.isMediumChanging = false;
    if (wasPresent) unit.loadMedium(null);
  }
  return fault;
}

/** What the commands have left behind that were at work on the old medium. */
function whyNotAtRest(unit: LogicalUnit): Fault | null {
  if (unit.taskCount > 0) return `commands on the old one have not ended in ${MEDIUM_CHANGE_MS_MAX / 1000} s`;
  return unit.atomicWrites.isBroken ? FAULT_HALF_DONE : null;
}
