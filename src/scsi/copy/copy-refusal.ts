/** Why the parameter list of a third-party copy command is refused. */
import { NO_SENSE_VALUE } from '../command/command.ts';
import { parameterFieldPointer } from '../sense.ts';
import type { Task } from '../task/task.ts';

export class CopyRefusal {
  readonly senseCode: number;
  readonly fieldPointer: number;

  constructor(senseCode: number, listByte: number = NO_SENSE_VALUE, bit: number = NO_SENSE_VALUE) {
    this.senseCode = senseCode;
    this.fieldPointer = listByte === NO_SENSE_VALUE ? NO_SENSE_VALUE : parameterFieldPointer(listByte, bit);
  }

  /** Ends `task` with it. */
  tell(task: Task): void {
    task.checkWith(this.senseCode, NO_SENSE_VALUE, this.fieldPointer);
  }
}
