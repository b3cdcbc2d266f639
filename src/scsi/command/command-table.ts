/**
 * The command table of disks (SPC-4 annex on operation codes): every operation code, and every service action of those that have
 * some, is either an entry or stated as not supported. The types make a row that was forgotten an error.
 */

import { RELEASE_6, RELEASE_10, RESERVE_6, RESERVE_10 } from '../reservations/reservation-commands.ts';
import { FORMAT_UNIT } from '../sbc/erase/sbc-erase-commands.ts';
import {
  COMPARE_AND_WRITE,
  ORWRITE_16,
  PRE_FETCH_10,
  PRE_FETCH_16,
  READ_6,
  READ_10,
  READ_12,
  READ_16,
  READ_CAPACITY_10,
  READ_DEFECT_DATA_10,
  READ_DEFECT_DATA_12,
  START_STOP_UNIT,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  UNMAP,
  VERIFY_10,
  VERIFY_12,
  VERIFY_16,
  WRITE_6,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
  WRITE_ATOMIC_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from '../sbc/sbc-commands.ts';
import {
  INQUIRY,
  LOG_SENSE,
  MODE_SELECT_6,
  MODE_SELECT_10,
  MODE_SENSE_6,
  MODE_SENSE_10,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  REPORT_LUNS,
  REQUEST_SENSE,
  TEST_UNIT_READY,
} from '../spc/spc-commands.ts';
import {
  READ_BUFFER_10,
  READ_BUFFER_16,
  RECEIVE_DIAGNOSTIC_RESULTS,
  SEND_DIAGNOSTIC,
  WRITE_BUFFER,
} from '../spc/spc-device-commands.ts';
import { VARIABLE_LENGTH_CDB } from './cdb.ts';
import type { CommandEntry } from './command-entry.ts';
import type {
  Digit,
  ServiceAction,
  ServiceActionRows,
  VariableLengthAction,
  VariableLengthRows,
} from './service-actions.ts';
import {
  MAINTENANCE_IN,
  MAINTENANCE_OUT,
  NOT_SUPPORTED,
  PERSISTENT_RESERVE_IN,
  PERSISTENT_RESERVE_OUT,
  SANITIZE,
  SERVICE_ACTION_IN_16,
  THIRD_PARTY_COPY_IN,
  THIRD_PARTY_COPY_OUT,
  VARIABLE_LENGTH_ROWS,
} from './service-actions.ts';

export class CommandTable {
  /** Every entry, in ascending order of operation code and service action. */
  readonly entries: readonly CommandEntry[];
  private readonly byOperationCode: (CommandEntry | null)[] = [];
  private readonly byServiceAction: ((CommandEntry | null)[] | null)[] = [];

  /** @param variableLength null: no command has the variable length format */
  constructor(rows: OperationCodeRows, variableLength: VariableLengthRows | null) {
    for (let code = 0; code < OPERATION_CODES; code++) {
      const row = rows[`OP_${hex(code)}` as OperationCode];
      const hasServiceActions = row !== null && !('usage' in row);
      this.byOperationCode.push(hasServiceActions ? null : row);
      this.byServiceAction.push(hasServiceActions ? rowsOfServiceActions(row) : null);
    }
    if (variableLength !== null) this.byServiceAction[VARIABLE_LENGTH_CDB] = rowsOfVariableLength(variableLength);
    this.entries = this.byOperationCode.flatMap((row, code) => {
      return [row, ...(this.byServiceAction[code] ?? [])].filter((entry) => entry !== null);
    });
  }

  /** The entry for a CDB, null when it is not supported. */
  find(cdb: Uint8Array): CommandEntry | null {
    const code = cdb[0]!;
    const serviceActions = this.byServiceAction[code]!;
    if (serviceActions === null) return this.byOperationCode[code]!;
    if (code === VARIABLE_LENGTH_CDB) return serviceActions[(cdb[8]! << 8) | cdb[9]!] ?? null;
    return serviceActions[cdb[1]! & SERVICE_ACTION_MASK]!;
  }

  /** The entry for an operation code and a service action, which is zero for a command without; null when there is none. */
  lookup(operationCode: number, serviceAction: number): CommandEntry | null {
    const serviceActions = this.byServiceAction[operationCode]!;
    if (serviceActions !== null) return serviceActions[serviceAction] ?? null;
    return serviceAction === 0 ? this.byOperationCode[operationCode]! : null;
  }

  /** Whether service actions tell the commands of `operationCode` apart. */
  hasServiceActions(operationCode: number): boolean {
    return this.byServiceAction[operationCode] !== null;
  }
}

/** That of disks. */
export function createCommandTable(): CommandTable {
  return new CommandTable(OPERATION_CODE_ROWS, VARIABLE_LENGTH_ROWS);
}

const OPERATION_CODES = 256;
const SERVICE_ACTIONS = 32;
const VARIABLE_LENGTH_ACTIONS = 0x13;
const SERVICE_ACTION_MASK = 0x1f;

type OperationCode = `OP_${Digit}${Digit}`;
export type OperationCodeRows = Readonly<Record<OperationCode, CommandEntry | ServiceActionRows | null>>;

function rowsOfServiceActions(rows: ServiceActionRows): (CommandEntry | null)[] {
  return Array.from({ length: SERVICE_ACTIONS }, (_, action) => rows[`SA_${hex(action)}` as ServiceAction]);
}

function rowsOfVariableLength(rows: VariableLengthRows): (CommandEntry | null)[] {
  return Array.from({ length: VARIABLE_LENGTH_ACTIONS }, (_, action) => {
    return rows[`SA_00${hex(action)}` as VariableLengthAction] ?? null;
  });
}

/** Two upper case digits, as in the names of the rows. */
function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(2, '0');
}

/** An operation code with service actions none of which is supported (9Fh, A4h ...) is not supported as a whole. */
const OPERATION_CODE_ROWS: OperationCodeRows = {
  OP_00: TEST_UNIT_READY,
  OP_01: NOT_SUPPORTED,
  OP_02: NOT_SUPPORTED,
  OP_03: REQUEST_SENSE,
  OP_04: FORMAT_UNIT,
  OP_05: NOT_SUPPORTED,
  OP_06: NOT_SUPPORTED,
  OP_07: NOT_SUPPORTED,
  OP_08: READ_6,
  OP_09: NOT_SUPPORTED,
  OP_0A: WRITE_6,
  OP_0B: NOT_SUPPORTED,
  OP_0C: NOT_SUPPORTED,
  OP_0D: NOT_SUPPORTED,
  OP_0E: NOT_SUPPORTED,
  OP_0F: NOT_SUPPORTED,
  OP_10: NOT_SUPPORTED,
  OP_11: NOT_SUPPORTED,
  OP_12: INQUIRY,
  OP_13: NOT_SUPPORTED,
  OP_14: NOT_SUPPORTED,
  OP_15: MODE_SELECT_6,
  OP_16: RESERVE_6,
  OP_17: RELEASE_6,
  OP_18: NOT_SUPPORTED,
  OP_19: NOT_SUPPORTED,
  OP_1A: MODE_SENSE_6,
  OP_1B: START_STOP_UNIT,
  OP_1C: RECEIVE_DIAGNOSTIC_RESULTS,
  OP_1D: SEND_DIAGNOSTIC,
  OP_1E: PREVENT_ALLOW_MEDIUM_REMOVAL,
  OP_1F: NOT_SUPPORTED,
  OP_20: NOT_SUPPORTED,
  OP_21: NOT_SUPPORTED,
  OP_22: NOT_SUPPORTED,
  OP_23: NOT_SUPPORTED,
  OP_24: NOT_SUPPORTED,
  OP_25: READ_CAPACITY_10,
  OP_26: NOT_SUPPORTED,
  OP_27: NOT_SUPPORTED,
  OP_28: READ_10,
  OP_29: NOT_SUPPORTED,
  OP_2A: WRITE_10,
  OP_2B: NOT_SUPPORTED,
  OP_2C: NOT_SUPPORTED,
  OP_2D: NOT_SUPPORTED,
  OP_2E: WRITE_AND_VERIFY_10,
  OP_2F: VERIFY_10,
  OP_30: NOT_SUPPORTED,
  OP_31: NOT_SUPPORTED,
  OP_32: NOT_SUPPORTED,
  OP_33: NOT_SUPPORTED,
  OP_34: PRE_FETCH_10,
  OP_35: SYNCHRONIZE_CACHE_10,
  OP_36: NOT_SUPPORTED,
  OP_37: READ_DEFECT_DATA_10,
  OP_38: NOT_SUPPORTED,
  OP_39: NOT_SUPPORTED,
  OP_3A: NOT_SUPPORTED,
  OP_3B: WRITE_BUFFER,
  OP_3C: READ_BUFFER_10,
  OP_3D: NOT_SUPPORTED,
  OP_3E: NOT_SUPPORTED,
  OP_3F: NOT_SUPPORTED,
  OP_40: NOT_SUPPORTED,
  OP_41: WRITE_SAME_10,
  OP_42: UNMAP,
  OP_43: NOT_SUPPORTED,
  OP_44: NOT_SUPPORTED,
  OP_45: NOT_SUPPORTED,
  OP_46: NOT_SUPPORTED,
  OP_47: NOT_SUPPORTED,
  OP_48: SANITIZE,
  OP_49: NOT_SUPPORTED,
  OP_4A: NOT_SUPPORTED,
  OP_4B: NOT_SUPPORTED,
  OP_4C: NOT_SUPPORTED,
  OP_4D: LOG_SENSE,
  OP_4E: NOT_SUPPORTED,
  OP_4F: NOT_SUPPORTED,
  OP_50: NOT_SUPPORTED,
  OP_51: NOT_SUPPORTED,
  OP_52: NOT_SUPPORTED,
  OP_53: NOT_SUPPORTED,
  OP_54: NOT_SUPPORTED,
  OP_55: MODE_SELECT_10,
  OP_56: RESERVE_10,
  OP_57: RELEASE_10,
  OP_58: NOT_SUPPORTED,
  OP_59: NOT_SUPPORTED,
  OP_5A: MODE_SENSE_10,
  OP_5B: NOT_SUPPORTED,
  OP_5C: NOT_SUPPORTED,
  OP_5D: NOT_SUPPORTED,
  OP_5E: PERSISTENT_RESERVE_IN,
  OP_5F: PERSISTENT_RESERVE_OUT,
  OP_60: NOT_SUPPORTED,
  OP_61: NOT_SUPPORTED,
  OP_62: NOT_SUPPORTED,
  OP_63: NOT_SUPPORTED,
  OP_64: NOT_SUPPORTED,
  OP_65: NOT_SUPPORTED,
  OP_66: NOT_SUPPORTED,
  OP_67: NOT_SUPPORTED,
  OP_68: NOT_SUPPORTED,
  OP_69: NOT_SUPPORTED,
  OP_6A: NOT_SUPPORTED,
  OP_6B: NOT_SUPPORTED,
  OP_6C: NOT_SUPPORTED,
  OP_6D: NOT_SUPPORTED,
  OP_6E: NOT_SUPPORTED,
  OP_6F: NOT_SUPPORTED,
  OP_70: NOT_SUPPORTED,
  OP_71: NOT_SUPPORTED,
  OP_72: NOT_SUPPORTED,
  OP_73: NOT_SUPPORTED,
  OP_74: NOT_SUPPORTED,
  OP_75: NOT_SUPPORTED,
  OP_76: NOT_SUPPORTED,
  OP_77: NOT_SUPPORTED,
  OP_78: NOT_SUPPORTED,
  OP_79: NOT_SUPPORTED,
  OP_7A: NOT_SUPPORTED,
  OP_7B: NOT_SUPPORTED,
  OP_7C: NOT_SUPPORTED,
  OP_7D: NOT_SUPPORTED,
  OP_7E: NOT_SUPPORTED,
  OP_7F: NOT_SUPPORTED, // see VARIABLE_LENGTH_ROWS
  OP_80: NOT_SUPPORTED,
  OP_81: NOT_SUPPORTED,
  OP_82: NOT_SUPPORTED,
  OP_83: THIRD_PARTY_COPY_OUT,
  OP_84: THIRD_PARTY_COPY_IN,
  OP_85: NOT_SUPPORTED,
  OP_86: NOT_SUPPORTED,
  OP_87: NOT_SUPPORTED,
  OP_88: READ_16,
  OP_89: COMPARE_AND_WRITE,
  OP_8A: WRITE_16,
  OP_8B: ORWRITE_16,
  OP_8C: NOT_SUPPORTED,
  OP_8D: NOT_SUPPORTED,
  OP_8E: WRITE_AND_VERIFY_16,
  OP_8F: VERIFY_16,
  OP_90: PRE_FETCH_16,
  OP_91: SYNCHRONIZE_CACHE_16,
  OP_92: NOT_SUPPORTED,
  OP_93: WRITE_SAME_16,
  OP_94: NOT_SUPPORTED,
  OP_95: NOT_SUPPORTED,
  OP_96: NOT_SUPPORTED,
  OP_97: NOT_SUPPORTED,
  OP_98: NOT_SUPPORTED,
  OP_99: NOT_SUPPORTED,
  OP_9A: NOT_SUPPORTED,
  OP_9B: READ_BUFFER_16,
  OP_9C: WRITE_ATOMIC_16,
  OP_9D: NOT_SUPPORTED,
  OP_9E: SERVICE_ACTION_IN_16,
  OP_9F: NOT_SUPPORTED,
  OP_A0: REPORT_LUNS,
  OP_A1: NOT_SUPPORTED,
  OP_A2: NOT_SUPPORTED,
  OP_A3: MAINTENANCE_IN,
  OP_A4: MAINTENANCE_OUT,
  OP_A5: NOT_SUPPORTED,
  OP_A6: NOT_SUPPORTED,
  OP_A7: NOT_SUPPORTED,
  OP_A8: READ_12,
  OP_A9: NOT_SUPPORTED,
  OP_AA: WRITE_12,
  OP_AB: NOT_SUPPORTED,
  OP_AC: NOT_SUPPORTED,
  OP_AD: NOT_SUPPORTED,
  OP_AE: WRITE_AND_VERIFY_12,
  OP_AF: VERIFY_12,
  OP_B0: NOT_SUPPORTED,
  OP_B1: NOT_SUPPORTED,
  OP_B2: NOT_SUPPORTED,
  OP_B3: NOT_SUPPORTED,
  OP_B4: NOT_SUPPORTED,
  OP_B5: NOT_SUPPORTED,
  OP_B6: NOT_SUPPORTED,
  OP_B7: READ_DEFECT_DATA_12,
  OP_B8: NOT_SUPPORTED,
  OP_B9: NOT_SUPPORTED,
  OP_BA: NOT_SUPPORTED,
  OP_BB: NOT_SUPPORTED,
  OP_BC: NOT_SUPPORTED,
  OP_BD: NOT_SUPPORTED,
  OP_BE: NOT_SUPPORTED,
  OP_BF: NOT_SUPPORTED,
  OP_C0: NOT_SUPPORTED,
  OP_C1: NOT_SUPPORTED,
  OP_C2: NOT_SUPPORTED,
  OP_C3: NOT_SUPPORTED,
  OP_C4: NOT_SUPPORTED,
  OP_C5: NOT_SUPPORTED,
  OP_C6: NOT_SUPPORTED,
  OP_C7: NOT_SUPPORTED,
  OP_C8: NOT_SUPPORTED,
  OP_C9: NOT_SUPPORTED,
  OP_CA: NOT_SUPPORTED,
  OP_CB: NOT_SUPPORTED,
  OP_CC: NOT_SUPPORTED,
  OP_CD: NOT_SUPPORTED,
  OP_CE: NOT_SUPPORTED,
  OP_CF: NOT_SUPPORTED,
  OP_D0: NOT_SUPPORTED,
  OP_D1: NOT_SUPPORTED,
  OP_D2: NOT_SUPPORTED,
  OP_D3: NOT_SUPPORTED,
  OP_D4: NOT_SUPPORTED,
  OP_D5: NOT_SUPPORTED,
  OP_D6: NOT_SUPPORTED,
  OP_D7: NOT_SUPPORTED,
  OP_D8: NOT_SUPPORTED,
  OP_D9: NOT_SUPPORTED,
  OP_DA: NOT_SUPPORTED,
  OP_DB: NOT_SUPPORTED,
  OP_DC: NOT_SUPPORTED,
  OP_DD: NOT_SUPPORTED,
  OP_DE: NOT_SUPPORTED,
  OP_DF: NOT_SUPPORTED,
  OP_E0: NOT_SUPPORTED,
  OP_E1: NOT_SUPPORTED,
  OP_E2: NOT_SUPPORTED,
  OP_E3: NOT_SUPPORTED,
  OP_E4: NOT_SUPPORTED,
  OP_E5: NOT_SUPPORTED,
  OP_E6: NOT_SUPPORTED,
  OP_E7: NOT_SUPPORTED,
  OP_E8: NOT_SUPPORTED,
  OP_E9: NOT_SUPPORTED,
  OP_EA: NOT_SUPPORTED,
  OP_EB: NOT_SUPPORTED,
  OP_EC: NOT_SUPPORTED,
  OP_ED: NOT_SUPPORTED,
  OP_EE: NOT_SUPPORTED,
  OP_EF: NOT_SUPPORTED,
  OP_F0: NOT_SUPPORTED,
  OP_F1: NOT_SUPPORTED,
  OP_F2: NOT_SUPPORTED,
  OP_F3: NOT_SUPPORTED,
  OP_F4: NOT_SUPPORTED,
  OP_F5: NOT_SUPPORTED,
  OP_F6: NOT_SUPPORTED,
  OP_F7: NOT_SUPPORTED,
  OP_F8: NOT_SUPPORTED,
  OP_F9: NOT_SUPPORTED,
  OP_FA: NOT_SUPPORTED,
  OP_FB: NOT_SUPPORTED,
  OP_FC: NOT_SUPPORTED,
  OP_FD: NOT_SUPPORTED,
  OP_FE: NOT_SUPPORTED,
  OP_FF: NOT_SUPPORTED,
};
