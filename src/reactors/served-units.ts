/** The logical units of one reactor: each storage opened, with the identity and the state it is known by. */
import { BackendError } from '../backend/backend.ts';
import { ConfigError } from '../mgmt/config/config-error.ts';
import type { Configuration, StorageConfig, TargetConfig } from '../mgmt/config/configuration.ts';
import type { Log } from '../mgmt/logging.ts';
import { ReservationFile } from '../mgmt/state/reservation-store.ts';
import { UnitStateFile } from '../mgmt/state/unit-state-file.ts';
import { everyLun } from '../mgmt/target-guard.ts';
import type { Reactor } from '../reactor.ts';
import { PERIPHERAL_CD_DVD } from '../scsi/constants.ts';
import { LogicalUnit } from '../scsi/unit/logical-unit.ts';
import { UnitJournal } from './unit-journal.ts';

const VENDOR_DEFAULT = 'GOTGT';
const PRODUCT_DEFAULT = 'NATIVE DISK';
const DRIVE_PRODUCT_DEFAULT = 'NATIVE CD-ROM';
const REVISION = '0001';
/** Storages are opened side by side, since a new one waits for the disk; no more at once than the thread pool can use. */
const OPENING_AT_ONCE_MAX = 32;

/** The storages that some of `targets` exports, in the order of the configuration; those that nobody exports stay closed. */
export function exportedStorages({ storages }: Configuration, targets: readonly TargetConfig[]): StorageConfig[] {
  const exported = new Set(targets.flatMap((target) => everyLun(target).map(({ storage }) => storage)));
  return storages.filter((storage) => exported.has(storage));
}

/**
 * Opens `storages`, all or none. Rejects with ConfigError.
 * @param uuids by deviceID
 */
export async function openUnits(
  reactor: Reactor,
  configuration: Configuration,
  storages: readonly StorageConfig[],
  uuids: ReadonlyMap<number, string>,
  logger: Log,
): Promise<Map<StorageConfig, LogicalUnit>> {
  const units = new Map<StorageConfig, LogicalUnit>();
  for (let first = 0; first < storages.length; first += OPENING_AT_ONCE_MAX) {
    const some = storages.slice(first, first + OPENING_AT_ONCE_MAX);
    const opening = some.map((storage) =>
      openUnit(reactor, configuration, storage, uuids.get(storage.deviceID) as string, logger),
    );
    // All have settled before one fault ends the start: nothing is opened behind its back.
    for (const [i, result] of (await Promise.allSettled(opening)).entries()) {
      if (result.status === 'rejected') throw result.reason;
      units.set(some[i] as StorageConfig, result.value);
      noteOpened(some[i] as StorageConfig, result.value, logger);
    }
  }
  return units;
}

function noteOpened({ deviceID, path }: StorageConfig, { backend, sizeBytes, blockBytes }: LogicalUnit, logger: Log) {
  const { engine } = backend.capabilities;
  logger.info({ deviceID, path, engine, sizeBytes, blockBytes }, 'storage opened');
}

async function openUnit(
  reactor: Reactor,
  configuration: Configuration,
  storage: StorageConfig,
  uuid: string,
  logger: Log,
): Promise<LogicalUnit> {
  const reservationStore = new ReservationFile(configuration.stateDirectory, uuid, (fault) => logger.error(fault));
  const savedReservations = await reservationStore.load();
  const stateStore = new UnitStateFile(configuration.stateDirectory, uuid, (fault) => logger.error(fault));
  const savedState = await stateStore.load();
  const unitJournal = await UnitJournal.open(reactor, configuration.stateDirectory, uuid, storage, logger);
  try {
    const backend = await reactor.openStore(storage);
    const unit = new LogicalUnit({
      uuid,
      deviceType: storage.deviceType,
      mediumName: storage.isRemovable ? storage.path : '',
      backend,
      blockShift: storage.blockShift,
      isReadOnly: storage.isReadOnly,
      isRemovable: storage.isRemovable,
      isThin: storage.isThin,
      thresholds: storage.thresholds,
      onThresholdReached: ({ usedBytes, availableBytes }) => {
        const { deviceID, path } = storage;
        logger.warn({ deviceID, path, usedBytes, availableBytes }, 'storage has reached a threshold of its space');
      },
      vendor: storage.vendorID ?? VENDOR_DEFAULT,
      product:
        storage.productID ?? (storage.deviceType === PERIPHERAL_CD_DVD ? DRIVE_PRODUCT_DEFAULT : PRODUCT_DEFAULT),
      revision: REVISION,
      ...(storage.serial === null ? {} : { serial: storage.serial }),
      reservationStore,
      savedReservations,
      stateStore,
      savedState,
      ...(unitJournal.journal === null ? {} : { atomicJournal: unitJournal.journal }),
    });
    await unitJournal.recover(unit, reactor);
    await powerOn(unit, storage, logger);
    reactor.spaceWatch.add(unit);
    return unit;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    const key = `storages[${configuration.storages.indexOf(storage)}].path`;
    throw new ConfigError(configuration.source, key, storage.path, error.message);
  }
}

async function powerOn(unit: LogicalUnit, { deviceID, path }: StorageConfig, logger: Log): Promise<void> {
  await new Promise<void>((resolve) => unit.powerOn(resolve));
  const isCacheLeft = unit.modes.isWriteCacheEnabled && !unit.savedModes.isWriteCacheEnabled;
  if (isCacheLeft) logger.error({ deviceID, path }, 'the cache of a disk could not be flushed: it stays on (WCE)');
}
