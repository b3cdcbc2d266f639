/** What an initiator asks for at login and holds the target to afterwards. Values are those of the keys (RFC 7143 13). */
import type { TextPair } from '../../src/iscsi/codec/text.ts';

export interface InitiatorSettings {
  readonly initiatorName: string;
  /** Null for a discovery session. */
  readonly targetName: string | null;
  readonly isidHigh: number;
  readonly isidLow: number;
  /** CmdSN of the first Login Request. */
  readonly cmdSN: number;
  readonly cid: number;
  /** The first connection of its session; a further one negotiates nothing of the session (13, use LO). */
  readonly isLeading: boolean;
  readonly hasHeaderDigest: boolean;
  readonly hasDataDigest: boolean;
  readonly maxRecvDataSegmentLength: number;
  readonly maxBurstLength: number;
  readonly firstBurstLength: number;
  readonly maxOutstandingR2T: number;
  readonly maxConnections: number;
  readonly initialR2T: boolean;
  readonly immediateData: boolean;
  /** Begins with the SecurityNegotiation stage (AuthMethod=None) and goes on to the operational one. */
  readonly hasSecurityStage: boolean;
  /** Login text is cut into PDUs of this size, with the C bit on all but the last. */
  readonly loginSegmentBytes: number;
}

export const SETTINGS_DEFAULT: InitiatorSettings = {
  initiatorName: 'iqn.2001-04.com.example:host',
  targetName: 'iqn.2001-04.com.example:disk',
  isidHigh: 0x00023d00,
  isidLow: 0x0001,
  cmdSN: 1,
  cid: 0,
  isLeading: true,
  hasHeaderDigest: false,
  hasDataDigest: false,
  maxRecvDataSegmentLength: 65536,
  maxBurstLength: 262144,
  firstBurstLength: 65536,
  maxOutstandingR2T: 4,
  maxConnections: 1,
  initialR2T: false,
  immediateData: true,
  hasSecurityStage: false,
  loginSegmentBytes: 8192,
};

/** Who logs in, and where: what the first text must say (6.3). */
export function namingKeys(settings: InitiatorSettings): TextPair[] {
  const { initiatorName, targetName } = settings;
  const pairs = [{ key: 'InitiatorName', value: initiatorName }];
  if (targetName === null) return [...pairs, { key: 'SessionType', value: 'Discovery' }];
  return [...pairs, { key: 'SessionType', value: 'Normal' }, { key: 'TargetName', value: targetName }];
}

export function operationalKeys(settings: InitiatorSettings): TextPair[] {
  const keys: TextPair[] = [
    { key: 'HeaderDigest', value: digest(settings.hasHeaderDigest) },
    { key: 'DataDigest', value: digest(settings.hasDataDigest) },
    { key: 'MaxRecvDataSegmentLength', value: String(settings.maxRecvDataSegmentLength) },
  ];
  if (settings.targetName === null || !settings.isLeading) return keys;
  return [
    ...keys,
    { key: 'InitialR2T', value: yesNo(settings.initialR2T) },
    { key: 'ImmediateData', value: yesNo(settings.immediateData) },
    { key: 'MaxBurstLength', value: String(settings.maxBurstLength) },
    { key: 'FirstBurstLength', value: String(settings.firstBurstLength) },
    { key: 'MaxOutstandingR2T', value: String(settings.maxOutstandingR2T) },
    { key: 'MaxConnections', value: String(settings.maxConnections) },
    { key: 'ErrorRecoveryLevel', value: '0' },
  ];
}

/** What holds once login is over. */
export interface Negotiated {
  readonly initialR2T: boolean;
  readonly immediateData: boolean;
  readonly maxBurstLength: number;
  readonly firstBurstLength: number;
  readonly maxOutstandingR2T: number;
  readonly hasHeaderDigest: boolean;
  readonly hasDataDigest: boolean;
  /** What the target takes in one data segment. */
  readonly targetSegmentBytes: number;
}

/** Joins our proposals with the target's answers. */
export function negotiated(settings: InitiatorSettings, answers: ReadonlyMap<string, string>): Negotiated {
  const number = (key: string, ours: number) => Number(answers.get(key) ?? ours);
  const boolean = (key: string, ours: boolean) => (answers.get(key) ?? yesNo(ours)) === 'Yes';
  const maxBurstLength = number('MaxBurstLength', settings.maxBurstLength);
  return {
    initialR2T: boolean('InitialR2T', settings.initialR2T),
    immediateData: boolean('ImmediateData', settings.immediateData),
    maxBurstLength,
    firstBurstLength: Math.min(number('FirstBurstLength', settings.firstBurstLength), maxBurstLength),
    maxOutstandingR2T: number('MaxOutstandingR2T', settings.maxOutstandingR2T),
    hasHeaderDigest: answers.get('HeaderDigest') === 'CRC32C',
    hasDataDigest: answers.get('DataDigest') === 'CRC32C',
    targetSegmentBytes: number('MaxRecvDataSegmentLength', 8192),
  };
}

function digest(isOn: boolean): string {
  return isOn ? 'CRC32C' : 'None';
}

function yesNo(value: boolean): string {
  return value ? 'Yes' : 'No';
}
