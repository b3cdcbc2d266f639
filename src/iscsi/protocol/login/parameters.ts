/**
 * What a login settles (RFC 7143 13): our offers going in, and the parameters of the session and the connection coming
 * out. An offer is our side of a negotiation; the result may be less than it, never more.
 */
import { KEYS, type KeyName, keyDefinition } from './keys.ts';

export type SessionType = 'Normal' | 'Discovery';

/** Our value for each negotiated key, under the key's own name. */
export interface NegotiationOffers {
  /** What we accept, of None and CRC32C; leaving None out demands the digest. The initiator's order decides. */
  readonly HeaderDigest: readonly string[];
  readonly DataDigest: readonly string[];
  readonly MaxRecvDataSegmentLength: number;
  readonly MaxConnections: number;
  readonly InitialR2T: boolean;
  readonly ImmediateData: boolean;
  readonly MaxBurstLength: number;
  readonly FirstBurstLength: number;
  readonly DefaultTime2Wait: number;
  readonly DefaultTime2Retain: number;
  readonly MaxOutstandingR2T: number;
  readonly DataPDUInOrder: boolean;
  readonly DataSequenceInOrder: boolean;
  readonly ErrorRecoveryLevel: number;
  readonly TaskReporting: readonly string[];
  readonly iSCSIProtocolLevel: number;
}
export type OfferedKey = keyof NegotiationOffers;

/** Unsolicited data is received before there is a say in it, so one command may bring no more than one segment of it. */
export const FIRST_BURST_BYTES_OFFER_MAX = 262144;

export const OFFERS_DEFAULT: NegotiationOffers = {
  HeaderDigest: ['None', 'CRC32C'],
  DataDigest: ['None', 'CRC32C'],
  MaxRecvDataSegmentLength: 262144,
  MaxConnections: 1,
  InitialR2T: false,
  ImmediateData: true,
  MaxBurstLength: 1048576,
  FirstBurstLength: FIRST_BURST_BYTES_OFFER_MAX,
  DefaultTime2Wait: 2,
  DefaultTime2Retain: 0,
  MaxOutstandingR2T: 4,
  DataPDUInOrder: true,
  DataSequenceInOrder: true,
  ErrorRecoveryLevel: 0,
  TaskReporting: ['ResponseFence', 'RFC3720'],
  iSCSIProtocolLevel: 1,
};

export interface SessionParameters {
  readonly sessionType: SessionType;
  readonly maxConnections: number;
  readonly initialR2T: boolean;
  readonly immediateData: boolean;
  readonly maxBurstLength: number;
  /** At most maxBurstLength. */
  readonly firstBurstLength: number;
  /** Seconds. */
  readonly defaultTime2Wait: number;
  /** Seconds. */
  readonly defaultTime2Retain: number;
  readonly maxOutstandingR2T: number;
  readonly dataPDUInOrder: boolean;
  readonly dataSequenceInOrder: boolean;
  readonly errorRecoveryLevel: number;
  readonly taskReporting: string;
  readonly iSCSIProtocolLevel: number;
}

export interface ConnectionParameters {
  readonly hasHeaderDigest: boolean;
  readonly hasDataDigest: boolean;
  /** Bytes of data segment the initiator may send us: what we declared, 8192 when we had no chance to. */
  readonly maxRecvDataSegmentLength: number;
  /** Bytes of data segment we may send: what the initiator declared. */
  readonly peerMaxRecvDataSegmentLength: number;
}

/** What is wrong with an operator's offers, in words with key and value, or null. */
export function offersFault(offers: NegotiationOffers): string | null {
  for (const name of Object.keys(OFFERS_DEFAULT) as OfferedKey[]) {
    const fault = offerFault(name, offers[name]);
    if (fault !== null) return fault;
  }
  if (offers.FirstBurstLength > FIRST_BURST_BYTES_OFFER_MAX) {
    return `FirstBurstLength=${offers.FirstBurstLength} is more than ${FIRST_BURST_BYTES_OFFER_MAX}`;
  }
  if (offers.FirstBurstLength > offers.MaxBurstLength) {
    return `FirstBurstLength=${offers.FirstBurstLength} is more than MaxBurstLength=${offers.MaxBurstLength}`;
  }
  return null;
}

/** The values of the list keys that this target knows how to honour. */
const LIST_VALUES: Readonly<Partial<Record<KeyName, readonly string[]>>> = {
  HeaderDigest: ['None', 'CRC32C'],
  DataDigest: ['None', 'CRC32C'],
  TaskReporting: ['RFC3720', 'ResponseFence'],
};

function offerFault(name: OfferedKey, value: number | boolean | readonly string[]): string | null {
  const key = keyDefinition(name);
  if (key.form === 'number') {
    const isWithin = typeof value === 'number' && Number.isInteger(value) && value >= key.low && value <= key.high;
    return isWithin ? null : `${name}=${value} is not a whole number from ${key.low} to ${key.high}`;
  }
  if (key.form === 'boolean') return typeof value === 'boolean' ? null : `${name}=${value} is neither true nor false`;
  const known = LIST_VALUES[name] ?? [];
  const isKnown = Array.isArray(value) && value.length > 0 && value.every((element) => known.includes(element));
  return isKnown ? null : `${name}=${value} is not a list of ${known.join(', ')}`;
}

/** The defaults of RFC 7143 13, before anything is negotiated. */
export const SESSION_PARAMETERS_DEFAULT: SessionParameters = {
  sessionType: 'Normal',
  maxConnections: KEYS.MaxConnections.default,
  initialR2T: KEYS.InitialR2T.default,
  immediateData: KEYS.ImmediateData.default,
  maxBurstLength: KEYS.MaxBurstLength.default,
  firstBurstLength: KEYS.FirstBurstLength.default,
  defaultTime2Wait: KEYS.DefaultTime2Wait.default,
  defaultTime2Retain: KEYS.DefaultTime2Retain.default,
  maxOutstandingR2T: KEYS.MaxOutstandingR2T.default,
  dataPDUInOrder: KEYS.DataPDUInOrder.default,
  dataSequenceInOrder: KEYS.DataSequenceInOrder.default,
  errorRecoveryLevel: KEYS.ErrorRecoveryLevel.default,
  taskReporting: KEYS.TaskReporting.default,
  iSCSIProtocolLevel: KEYS.iSCSIProtocolLevel.default,
};

export const CONNECTION_PARAMETERS_DEFAULT: ConnectionParameters = {
  hasHeaderDigest: false,
  hasDataDigest: false,
  maxRecvDataSegmentLength: KEYS.MaxRecvDataSegmentLength.default,
  peerMaxRecvDataSegmentLength: KEYS.MaxRecvDataSegmentLength.default,
};
