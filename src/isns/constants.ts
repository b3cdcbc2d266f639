/** The numbers of iSNSP, the Internet Storage Name Service protocol (RFC 4171). */

export const ISNS_PORT_DEFAULT = 3205;
/** 5.1.1. */
export const ISNSP_VERSION = 1;

// 5.1.4 Flags; the RFC counts bits from the most significant of the word that PDU Length begins.
export const FLAG_FROM_CLIENT = 0x8000;
export const FLAG_AUTHENTICATION_BLOCK = 0x2000;
export const FLAG_REPLACE = 0x1000;
export const FLAG_LAST_PDU = 0x0800;
export const FLAG_FIRST_PDU = 0x0400;

// 4.1.3 Function IDs for iSCSI
export const DEV_ATTR_REG = 0x0001;
export const DEV_ATTR_QRY = 0x0002;
export const DEV_DEREG = 0x0004;
export const SCN = 0x0008;
export const ESI = 0x000d;
export const HEARTBEAT = 0x000e;
/** Set in the Function ID of a response (5.1.2). */
export const RESPONSE_BIT = 0x8000;

// 5.4 Response Status Codes
export const STATUS_SUCCESSFUL = 0;
export const STATUS_MESSAGE_FORMAT_ERROR = 2;
export const STATUS_SOURCE_UNKNOWN = 6;
export const STATUS_NO_SUCH_ENTRY = 9;
export const STATUS_FUNCTION_NOT_SUPPORTED = 15;
export const STATUS_ATTRIBUTE_NOT_IMPLEMENTED = 18;
export const STATUS_FEATURE_NOT_SUPPORTED = 23;

const STATUS_WORDS: readonly string[] = [
  'Successful',
  'Unknown Error',
  'Message Format Error',
  'Invalid Registration',
  'status 4',
  'Invalid Query',
  'Source Unknown',
  'Source Absent',
  'Source Unauthorized',
  'No Such Entry',
  'Version Not Supported',
  'Internal Error',
  'Busy',
  'Option Not Understood',
  'Invalid Update',
  'Message Not Supported',
  'SCN Event Rejected',
  'SCN Registration Rejected',
  'Attribute Not Implemented',
  'FC_DOMAIN_ID Not Available',
  'FC_DOMAIN_ID Not Allocated',
  'ESI Not Available',
  'Invalid Deregistration',
  'Registration Feature Not Supported',
];

/** The RFC's words for a status code, for logs. */
export function statusWords(status: number): string {
  return STATUS_WORDS[status] ?? `status ${status}`;
}

// 6.1 Attribute tags
export const TAG_DELIMITER = 0;
export const TAG_ENTITY_IDENTIFIER = 1;
export const TAG_ENTITY_PROTOCOL = 2;
export const TAG_REGISTRATION_PERIOD = 6;
export const TAG_PORTAL_IP_ADDRESS = 16;
export const TAG_PORTAL_PORT = 17;
export const TAG_ISCSI_NAME = 32;
export const TAG_ISCSI_NODE_TYPE = 33;
export const TAG_ISCSI_ALIAS = 34;
export const TAG_PG_PORTAL_IP_ADDRESS = 49;
export const TAG_PG_PORTAL_PORT = 50;
export const TAG_PG_TAG = 51;

/** 6.2.2. */
export const ENTITY_PROTOCOL_ISCSI = 2;
/** 6.4.2. */
export const NODE_TYPE_TARGET = 1;
/** 6.2.1: what the server calls entities that it names itself. */
export const SERVER_ENTITY_PREFIX = 'isns:';
/** 6.2.1, 6.4.3: an EID, an alias; one byte more is its NUL. */
export const TEXT_BYTES_MAX = 255;
