/** What runs, as SIGHUP finds it: a reactor and the storages that it serves. */
import type { StorageConfig } from './mgmt/config/configuration.ts';
import type { Log } from './mgmt/logging.ts';
import type { Reactor } from './reactor.ts';
import type { LogicalUnit } from './scsi/unit/logical-unit.ts';

/** A storage that some target exports. */
export interface ServedStorage {
  readonly unit: LogicalUnit;
  /** As it is served now. */
  storage: StorageConfig;
}

/** One reactor with what it serves; a daemon has one or several. */
export interface RunningDaemon {
  readonly reactor: Reactor;
  readonly logger: Log;
  /** By deviceID. */
  readonly storages: ReadonlyMap<number, ServedStorage>;
}
