/**
 * The numbers of the iSCSI wire format (RFC 7143 11), each group beside its clause. Nothing here is computed and nothing
 * changes at run time.
 */

/** A header or data digest (11.2.3, 13.1). */
export const DIGEST_BYTES = 4;
/** Largest value of the 24-bit DataSegmentLength (11.2.1.6) and of MaxBurstLength and its kin (13.10-13.14). */
export const DATA_SEGMENT_BYTES_MAX = 0xffffff;
/** DataSegmentLength limit until a peer declares another, and always during login (13.12, 6.3). */
export const LOGIN_DATA_SEGMENT_BYTES_MAX = 8192;
/** The reserved value of Initiator Task Tag and Target Transfer Tag (11.2.1.8, 11.7.4). */
export const NO_TAG = 0xffffffff;
/** The only protocol version (11.12.4). */
export const ISCSI_VERSION = 0x00;

// 11.2.1.2 Opcode, and the I bit of 11.2.1.1 beside it in byte 0
export const OPCODE_MASK = 0x3f;
export const OPCODE_IMMEDIATE = 0x40;

// 11.2.1.2 initiator opcodes
export const OP_NOP_OUT = 0x00;
export const OP_SCSI_COMMAND = 0x01;
export const OP_TASK_MANAGEMENT_REQUEST = 0x02;
export const OP_LOGIN_REQUEST = 0x03;
export const OP_TEXT_REQUEST = 0x04;
export const OP_DATA_OUT = 0x05;
export const OP_LOGOUT_REQUEST = 0x06;
export const OP_SNACK_REQUEST = 0x10;

// 11.2.1.2 target opcodes
export const OP_NOP_IN = 0x20;
export const OP_SCSI_RESPONSE = 0x21;
export const OP_TASK_MANAGEMENT_RESPONSE = 0x22;
export const OP_LOGIN_RESPONSE = 0x23;
export const OP_TEXT_RESPONSE = 0x24;
export const OP_DATA_IN = 0x25;
export const OP_LOGOUT_RESPONSE = 0x26;
export const OP_R2T = 0x31;
export const OP_ASYNC_MESSAGE = 0x32;
export const OP_REJECT = 0x3f;

// Byte 1, common: 11.2.1.3
export const FLAG_FINAL = 0x80;

// Byte 1 of a SCSI Command: 11.3.1
export const FLAG_COMMAND_READ = 0x40;
export const FLAG_COMMAND_WRITE = 0x20;
export const COMMAND_ATTRIBUTE_MASK = 0x07;

// Task attributes of a SCSI Command: 11.3.1
export const ATTRIBUTE_UNTAGGED = 0;
export const ATTRIBUTE_SIMPLE = 1;
export const ATTRIBUTE_ORDERED = 2;
export const ATTRIBUTE_HEAD_OF_QUEUE = 3;
export const ATTRIBUTE_ACA = 4;

// Byte 1 of a SCSI Response: 11.4.1; O and U also in a Data-In with status: 11.7.3
export const FLAG_BIDI_READ_OVERFLOW = 0x10;
export const FLAG_BIDI_READ_UNDERFLOW = 0x08;
export const FLAG_RESIDUAL_OVERFLOW = 0x04;
export const FLAG_RESIDUAL_UNDERFLOW = 0x02;

// Byte 1 of a Data-In: 11.7
export const FLAG_DATA_ACKNOWLEDGE = 0x40;
export const FLAG_DATA_STATUS = 0x01;

// Byte 1 of Text and Login: 11.10.1, 11.10.2, 11.12.1, 11.12.2
export const FLAG_TEXT_CONTINUE = 0x40;
export const FLAG_LOGIN_TRANSIT = 0x80;
export const FLAG_LOGIN_CONTINUE = 0x40;
export const LOGIN_CSG_SHIFT = 2;
export const LOGIN_STAGE_MASK = 0x03;

// Login stages, CSG and NSG: 11.12.3
export const STAGE_SECURITY_NEGOTIATION = 0;
export const STAGE_LOGIN_OPERATIONAL_NEGOTIATION = 1;
export const STAGE_RESERVED = 2;
export const STAGE_FULL_FEATURE_PHASE = 3;

// Additional Header Segment types: 11.2.2.1
export const AHS_TYPE_MASK = 0x3f;
export const AHS_EXTENDED_CDB = 1;
export const AHS_BIDI_READ_LENGTH = 2;

// Response byte of a SCSI Response: 11.4.3
export const RESPONSE_COMMAND_COMPLETED = 0x00;
export const RESPONSE_TARGET_FAILURE = 0x01;

// Task management functions: 11.5.1; 9 to 12 are RFC 7144 11
export const TMF_FUNCTION_MASK = 0x7f;
export const TMF_ABORT_TASK = 1;
export const TMF_ABORT_TASK_SET = 2;
export const TMF_CLEAR_ACA = 3;
export const TMF_CLEAR_TASK_SET = 4;
export const TMF_LOGICAL_UNIT_RESET = 5;
export const TMF_TARGET_WARM_RESET = 6;
export const TMF_TARGET_COLD_RESET = 7;
export const TMF_TASK_REASSIGN = 8;
export const TMF_QUERY_TASK = 9;
export const TMF_QUERY_TASK_SET = 10;
export const TMF_I_T_NEXUS_RESET = 11;
export const TMF_QUERY_ASYNCHRONOUS_EVENT = 12;

// Task management responses: 11.6.1
export const TMF_RESPONSE_COMPLETE = 0;
export const TMF_RESPONSE_NO_TASK = 1;
export const TMF_RESPONSE_NO_LUN = 2;
export const TMF_RESPONSE_TASK_STILL_ALLEGIANT = 3;
export const TMF_RESPONSE_REASSIGN_NOT_SUPPORTED = 4;
export const TMF_RESPONSE_NOT_SUPPORTED = 5;
export const TMF_RESPONSE_NOT_AUTHORIZED = 6;
export const TMF_RESPONSE_REJECTED = 255;

// Asynchronous events: 11.9.1
export const ASYNC_SCSI_EVENT = 0;
export const ASYNC_LOGOUT_REQUEST = 1;
export const ASYNC_CONNECTION_DROP = 2;
export const ASYNC_SESSION_DROP = 3;
export const ASYNC_NEGOTIATION_REQUEST = 4;
export const ASYNC_TASKS_TERMINATED = 5;
export const ASYNC_VENDOR_EVENT = 255;

// Login Status-Class << 8 | Status-Detail: 11.13.5
export const LOGIN_SUCCESS = 0x0000;
export const LOGIN_TARGET_MOVED_TEMPORARILY = 0x0101;
export const LOGIN_TARGET_MOVED_PERMANENTLY = 0x0102;
export const LOGIN_INITIATOR_ERROR = 0x0200;
export const LOGIN_AUTHENTICATION_FAILURE = 0x0201;
export const LOGIN_AUTHORIZATION_FAILURE = 0x0202;
export const LOGIN_TARGET_NOT_FOUND = 0x0203;
export const LOGIN_TARGET_REMOVED = 0x0204;
export const LOGIN_UNSUPPORTED_VERSION = 0x0205;
export const LOGIN_TOO_MANY_CONNECTIONS = 0x0206;
export const LOGIN_MISSING_PARAMETER = 0x0207;
export const LOGIN_CANNOT_INCLUDE_IN_SESSION = 0x0208;
export const LOGIN_SESSION_TYPE_NOT_SUPPORTED = 0x0209;
export const LOGIN_SESSION_DOES_NOT_EXIST = 0x020a;
export const LOGIN_INVALID_DURING_LOGIN = 0x020b;
export const LOGIN_TARGET_ERROR = 0x0300;
export const LOGIN_SERVICE_UNAVAILABLE = 0x0301;
export const LOGIN_OUT_OF_RESOURCES = 0x0302;

// Logout reasons: 11.14.1
export const LOGOUT_REASON_MASK = 0x7f;
export const LOGOUT_CLOSE_SESSION = 0;
export const LOGOUT_CLOSE_CONNECTION = 1;
export const LOGOUT_REMOVE_FOR_RECOVERY = 2;

// Logout responses: 11.15.1
export const LOGOUT_RESPONSE_CLOSED = 0;
export const LOGOUT_RESPONSE_CID_NOT_FOUND = 1;
export const LOGOUT_RESPONSE_RECOVERY_NOT_SUPPORTED = 2;
export const LOGOUT_RESPONSE_CLEANUP_FAILED = 3;

// SNACK types: 11.16.1
export const SNACK_TYPE_MASK = 0x0f;
export const SNACK_DATA_R2T = 0;
export const SNACK_STATUS = 1;
export const SNACK_DATA_ACK = 2;
export const SNACK_R_DATA = 3;

// Reject reasons: 11.17.1
export const REJECT_DATA_DIGEST_ERROR = 0x02;
export const REJECT_SNACK = 0x03;
export const REJECT_PROTOCOL_ERROR = 0x04;
export const REJECT_COMMAND_NOT_SUPPORTED = 0x05;
export const REJECT_TOO_MANY_IMMEDIATE_COMMANDS = 0x06;
export const REJECT_TASK_IN_PROGRESS = 0x07;
export const REJECT_INVALID_DATA_ACK = 0x08;
export const REJECT_INVALID_PDU_FIELD = 0x09;
export const REJECT_LONG_OPERATION = 0x0a;
export const REJECT_WAITING_FOR_LOGOUT = 0x0c;
