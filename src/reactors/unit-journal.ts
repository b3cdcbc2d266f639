/** The journal of a disk's atomic writes when its store is opened: what a crash has interrupted is undone before anybody is served. */

import type { StorageConfig } from '../mgmt/config/configuration.ts';
import type { Log } from '../mgmt/logging.ts';
import { AtomicJournalFile } from '../mgmt/state/atomic-journal-file.ts';
import type { Reactor } from '../reactor.ts';
import type { AtomicRecord } from '../scsi/sbc/atomic/atomic-journal.ts';
import type { LogicalUnit } from '../scsi/unit/logical-unit.ts';

export class UnitJournal {
  /** Null: none can be kept, and atomic writes are as long as a physical block. */
  readonly journal: AtomicJournalFile | null;
  private readonly found: AtomicRecord | null;
  private readonly storage: StorageConfig;
  private readonly logger: Log;

  private constructor(
    journal: AtomicJournalFile | null,
    found: AtomicRecord | null,
    storage: StorageConfig,
    logger: Log,
  ) {
    this.journal = journal;
    this.found = found;
    this.storage = storage;
    this.logger = logger;
  }

  /** Rejects with ConfigError when what was interrupted cannot be told. */
  static async open(
    reactor: Reactor,
    directory: string,
    uuid: string,
    storage: StorageConfig,
    logger: Log,
  ): Promise<UnitJournal> {
    const journal = new AtomicJournalFile(
      directory,
      uuid,
      storage.path,
      reactor.crc32c,
      (fault) => logger.error(fault),
      (news) => logger.warn(news),
    );
    const found = await journal.load();
    const mayUse = found === null ? await journal.isWritable() : !isOfAnotherMedium(found, storage);
    return new UnitJournal(mayUse ? journal : null, found, storage, logger);
  }

  /** Before `unit`, which has this journal, is served. Afterwards its medium is whole, or not accessible. */
  async recover(unit: LogicalUnit, { deviceServer }: Reactor): Promise<void> {
    const { found, journal, storage, logger } = this;
    const { deviceID, path } = storage;
    if (found === null) {
      if (journal === null)
        logger.warn({ deviceID, path }, 'the state directory takes no journal: atomic writes are short');
      return;
    }
    const { medium, offsetBytes, before } = found;
    const fields = { deviceID, path, medium, offsetBytes, lengthBytes: before.length };
    if (journal === null) logger.warn(fields, INTERRUPTED_ELSEWHERE);
    else if (medium !== path) unit.atomicWrites.breakOff(`${FAULT_OTHER_PATH} ${medium}`);
    else {
      await new Promise<void>((resolve) => unit.atomicWrites.recover(deviceServer, found, resolve));
      if (!unit.atomicWrites.isBroken) logger.warn(fields, 'an atomic write that was interrupted has been undone');
    }
  }
}

const INTERRUPTED_ELSEWHERE =
  'an atomic write on another medium was interrupted; it is undone when the daemon starts with that one in the drive, and ' +
  'until then atomic writes are short';
const FAULT_OTHER_PATH =
  'the journal tells of an atomic write that was interrupted on another store. Nothing was changed, and the disk is not ' +
  'accessible; put the right store back, or remove the journal, and start again. It was on';

/** In a drive that is nothing unusual, and of no concern to the medium that is in it now. */
function isOfAnotherMedium({ medium }: AtomicRecord, { path, isRemovable }: StorageConfig): boolean {
  return isRemovable && medium !== path;
}
