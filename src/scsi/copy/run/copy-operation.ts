/**
 * How a third-party copy goes under a list identifier (SPC-4 5.17.4): in the foreground, where the command ends with the
 * copy, or in the background, where it ends when its list has been checked (IMMED).
 */
import { SENSE_INSUFFICIENT_RESOURCES, SENSE_OPERATION_IN_PROGRESS } from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import type { CopyFailure, CopyRecord } from '../copy-log.ts';
import { COPY_IN_BACKGROUND, CopyLog } from '../copy-log.ts';
import type { CopySegment } from '../copy-parameters.ts';
import type { CopyJob, CopyOwner } from './copy-run.ts';
import { CopyRun } from './copy-run.ts';

/**
 * SPC-4 5.17.4.2: one copy at a time goes under one identifier of one I_T nexus.
 * @returns where the copy is to be noted, or null when the task has ended because it may not begin
 */
export function admitCopy(task: Task, listIdentifier: number): CopyLog | null {
  const state = task.unit.nexusState(task.command.nexus);
  state.copies ??= new CopyLog();
  const { copies } = state;
  if (copies.isRunning(listIdentifier)) task.check(SENSE_OPERATION_IN_PROGRESS);
  else if (copies.isFull) task.check(SENSE_INSUFFICIENT_RESOURCES);
  else return copies;
  return null;
}

/** Copies `segments`; `log` is null when nobody may ask about it. */
export function startCopy(
  task: Task,
  segments: readonly CopySegment[],
  record: CopyRecord,
  log: CopyLog | null,
  isImmediate: boolean,
): void {
  const { context } = task;
  const job = { context, nexus: task.command.nexus, segments, record, log };
  log?.begin(record);
  if (isImmediate) {
    record.status = COPY_IN_BACKGROUND;
    task.good();
    new BackgroundCopy(job).start();
  } else {
    task.beginWork();
    new CopyRun(job, new ForegroundCopy(task)).start();
  }
}

/** A copy that ends with its command, and with it when that is aborted. */
class ForegroundCopy implements CopyOwner {
  private readonly task: Task;

  constructor(task: Task) {
    this.task = task;
  }

  get isEnding(): boolean {
    return this.task.isEnding;
  }

  onCopyEnded(failure: CopyFailure | null): void {
    const { task } = this;
    if (failure !== null) task.checkWith(failure.senseCode, failure.information, failure.fieldPointer);
    if (task.endWork()) task.good();
  }
}

/** A copy without a command; it ends when nobody is left to ask for it (CopyLog.abandon), or with the reactor. */
export class BackgroundCopy implements CopyOwner {
  isEnding = false;
  private readonly run: CopyRun;
  private readonly all: Set<BackgroundCopy>;

  constructor(job: CopyJob) {
    this.run = new CopyRun(job, this);
    this.all = job.context.backgroundCopies;
  }

  start(): void {
    this.all.add(this);
    this.run.start();
  }

  /** Nothing more is submitted to a store. */
  stop(): void {
    this.isEnding = true;
    this.run.abortCommands();
  }

  onCopyEnded(): void {
    this.all.delete(this);
  }
}
