/**
 * EXTENDED COPY(LID1) (SPC-4 6.5) and (LID4) (6.4), and COPY OPERATION ABORT (6.3). With LID1 status comes when all has been
 * copied; with LID4 the initiator chooses.
 */
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import { receiveParameterList } from '../command/parameter-list.ts';
import { SENSE_PARAMETER_LIST_LENGTH_ERROR } from '../sense.ts';
import type { Task } from '../task/task.ts';
import type { CopyListHeader } from './copy-list-header.ts';
import {
  LID1_HEADER_BYTES,
  LID4_HEADER_BYTES,
  LIST_ID_DISABLE,
  LIST_ID_HOLD,
  parseLid1Header,
  parseLid4Header,
} from './copy-list-header.ts';
import { CopyRecord } from './copy-log.ts';
import type { CopySegment } from './copy-parameters.ts';
import { parseCopyParameters } from './copy-parameters.ts';
import { CopyRefusal } from './copy-refusal.ts';
import { admitCopy, startCopy } from './run/copy-operation.ts';

export function extendedCopyLid1(task: Task): void {
  receiveCopyList(task, LID1_HEADER_BYTES, parseLid1Header);
}

export function extendedCopyLid4(task: Task): void {
  receiveCopyList(task, LID4_HEADER_BYTES, parseLid4Header);
}

/** Ends with GOOD when the copy is at rest; its own command then ends with COPY ABORTED. */
export function copyOperationAbort(task: Task): void {
  const record = task.unit.nexusState(task.command.nexus).copies?.find(task.command.cdbView.getUint32(LIST_IDENTIFIER));
  if (!record?.isRunning) {
    task.invalidField(LIST_IDENTIFIER, 7);
    return;
  }
  task.beginWork();
  record.abort(() => {
    if (task.endWork()) task.good();
  });
}

// SPC-4 6.3
const LIST_IDENTIFIER = 2;
// SPC-4 6.4, 6.5
const PARAMETER_LIST_LENGTH = 10;

type HeaderParser = (list: Buffer) => CopyListHeader | CopyRefusal;

/** SPC-4 6.4, 6.5: no parameter list is no error, and copies nothing. */
function receiveCopyList(task: Task, headerBytes: number, parseHeader: HeaderParser): void {
  const listLength = task.command.cdbView.getUint32(PARAMETER_LIST_LENGTH);
  if (listLength === 0) task.good();
  else if (listLength < headerBytes || listLength > SEGMENT_BYTES_MAX) task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  else receiveParameterList(task, listLength, (_task, list) => readCopyList(task, list, parseHeader));
}

function readCopyList(task: Task, list: Buffer, parseHeader: HeaderParser): void {
  const header = parseHeader(list);
  if (header instanceof CopyRefusal) {
    header.tell(task);
    return;
  }
  const segments = parseCopyParameters(list, header, task.lunMap);
  if (segments instanceof CopyRefusal) segments.tell(task);
  else beginCopy(task, header, segments);
}

function beginCopy(task: Task, header: CopyListHeader, segments: readonly CopySegment[]): void {
  const { listIdentifier, listIdUsage, isImmediate } = header;
  const record = new CopyRecord(listIdentifier, task.entry, listIdUsage === LIST_ID_HOLD);
  if (listIdUsage === LIST_ID_DISABLE) {
    startCopy(task, segments, record, null, false);
    return;
  }
  const log = admitCopy(task, listIdentifier);
  if (log !== null) startCopy(task, segments, record, log, isImmediate);
}
