/**
 * iSCSI TransportIDs (SPC-4 7.6.4.6): how parameter data names an initiator port. Format 01b names one port, 00b every
 * port of an initiator device.
 */

/** Offset and length limits of a TransportID. */
export const TRANSPORT_ID_BYTES_MIN = 24;

export interface TransportId {
  /** iSCSI name in its normal form, which is in lower case (RFC 7143 4.2.7.2). */
  readonly initiatorName: string;
  /** "iqn...,i,0x" and 12 hex digits as in Nexus.initiatorPortName; null in format 00b, which names no port. */
  readonly initiatorPortName: string | null;
  /** Where it stands in the parameter list. */
  readonly offset: number;
}

/** Why TransportIDs could not be read. */
export const TRANSPORT_IDS_TRUNCATED = 1;
export const TRANSPORT_ID_INVALID = 2;

export type TransportIdReading =
  | { readonly ids: readonly TransportId[]; readonly fault: 0 }
  | {
      readonly ids: null;
      readonly fault: typeof TRANSPORT_IDS_TRUNCATED | typeof TRANSPORT_ID_INVALID;
      /** Where the one that cannot be read stands. */
      readonly offset: number;
    };

/** Reads the TransportIDs that fill list[start, end). */
export function readTransportIds(list: Buffer, start: number, end: number): TransportIdReading {
  const ids: TransportId[] = [];
  for (let offset = start; offset < end; ) {
    if (end - offset < TRANSPORT_ID_BYTES_MIN) return { ids: null, fault: TRANSPORT_IDS_TRUNCATED, offset };
    const lengthBytes = NAME + list.readUInt16BE(offset + ADDITIONAL_LENGTH);
    if (lengthBytes > end - offset) return { ids: null, fault: TRANSPORT_IDS_TRUNCATED, offset };
    const id = readTransportId(list, offset, lengthBytes);
    if (id === null) return { ids: null, fault: TRANSPORT_ID_INVALID, offset };
    ids.push(id);
    offset += lengthBytes;
  }
  return { ids, fault: 0 };
}

/** Writes a TransportID of format 01b. Returns where it ends. */
export function writeTransportId(initiatorPortName: string, out: Buffer, at: number): number {
  const nameBytes = Buffer.byteLength(initiatorPortName, 'utf8');
  // Null-terminated, null-padded to a multiple of four.
  const additionalLength = Math.max(ADDITIONAL_LENGTH_MIN, (nameBytes + 4) & ~3);
  out.fill(0, at, at + NAME + additionalLength);
  out[at] = FORMAT_PORT | PROTOCOL_ISCSI;
  out.writeUInt16BE(additionalLength, at + ADDITIONAL_LENGTH);
  out.write(initiatorPortName, at + NAME, 'utf8');
  return at + NAME + additionalLength;
}

const ADDITIONAL_LENGTH = 2;
const NAME = 4;
const ADDITIONAL_LENGTH_MIN = 20;
const FORMAT_MASK = 0xc0;
const FORMAT_DEVICE = 0x00;
const FORMAT_PORT = 0x40;
const PROTOCOL_MASK = 0x0f;
const PROTOCOL_ISCSI = 0x05;
/** RFC 7143 4.2.7.1 */
const ISCSI_NAME_BYTES_MAX = 223;
const ISCSI_NAME = /^(iqn|eui|naa)\.[^\s,]+$/;
const ISID_DIGITS = 12;
const PORT_NAME = /^(.*),i,0x([0-9a-f]{1,12})$/;

function readTransportId(list: Buffer, offset: number, lengthBytes: number): TransportId | null {
  const first = list[offset]!;
  const format = first & FORMAT_MASK;
  const isIscsi = (first & PROTOCOL_MASK) === PROTOCOL_ISCSI;
  if (!isIscsi || lengthBytes < TRANSPORT_ID_BYTES_MIN || lengthBytes % 4 !== 0) return null;
  const bytes = list.subarray(offset + NAME, offset + lengthBytes);
  const terminator = bytes.indexOf(0);
  if (terminator < 0) return null;
  const text = bytes.toString('utf8', 0, terminator).toLowerCase();
  if (format === FORMAT_PORT) return readPort(text, offset);
  return format === FORMAT_DEVICE && isIscsiName(text)
    ? { initiatorName: text, initiatorPortName: null, offset }
    : null;
}

function readPort(text: string, offset: number): TransportId | null {
  const match = PORT_NAME.exec(text);
  const initiatorName = match?.[1];
  const isid = match?.[2];
  if (initiatorName === undefined || isid === undefined || !isIscsiName(initiatorName)) return null;
  const initiatorPortName = `${initiatorName},i,0x${isid.padStart(ISID_DIGITS, '0')}`;
  return { initiatorName, initiatorPortName, offset };
}

function isIscsiName(text: string): boolean {
  return ISCSI_NAME.test(text) && Buffer.byteLength(text, 'utf8') <= ISCSI_NAME_BYTES_MAX;
}
