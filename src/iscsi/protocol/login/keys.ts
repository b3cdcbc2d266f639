/**
 * Every text key of RFC 7143 13 in one table: what its value is, how two values
 * become one, who may send it and when. Nothing about a key is decided anywhere else. A key stands below the keys that its
 * relevance or value depends on, so that one text is negotiated in the table's order.
 */

/**
 * Where keys may be sent (13, "Use"): leading login, every login, full feature phase, or always. SECURITY is the
 * authenticator's exchange in the security stage, which takes the key before the negotiation sees it (12).
 */
export type KeyUse = 'LO' | 'IO' | 'FFPO' | 'ALL' | 'SECURITY';
export type KeySenders = 'initiator' | 'target' | 'both';
export type KeyScope = 'session' | 'connection';
/**
 * When a key is answered with Irrelevant: never, in a discovery session, or there and when no unsolicited data can come
 * (InitialR2T=Yes and ImmediateData=No, 13.14).
 */
export type KeyIrrelevance = 'never' | 'in-discovery' | 'in-discovery-or-without-unsolicited-data';

interface KeyRules {
  readonly use: KeyUse;
  readonly senders: KeySenders;
  readonly scope: KeyScope;
  /** Whether it may stand in the SecurityNegotiation stage (6.3.2); most belong to the operational stage alone. */
  readonly isSecurityStage: boolean;
  readonly irrelevance: KeyIrrelevance;
  readonly clause: string;
}

export interface NumberKey extends KeyRules {
  readonly form: 'number';
  readonly negotiation: 'minimum' | 'maximum' | 'declare';
  readonly low: number;
  readonly high: number;
  readonly default: number;
}

export interface BooleanKey extends KeyRules {
  readonly form: 'boolean';
  readonly negotiation: 'and' | 'or';
  readonly default: boolean;
}

export interface ListKey extends KeyRules {
  readonly form: 'list';
  readonly negotiation: 'list';
  readonly default: string;
}

/** A declared value that is kept as it came. */
export interface TextKey extends KeyRules {
  readonly form: 'text' | 'iscsi-name';
  readonly negotiation: 'declare';
  readonly default: string | null;
}

/** RFC 7143 13.25: keys of RFC 3720 that are gone, but must not be answered with NotUnderstood. */
export interface ObsoleteKey extends KeyRules {
  readonly form: 'obsolete';
  readonly negotiation: 'obsolete';
  readonly answer: 'No' | 'Reject';
}

export type KeyDefinition = NumberKey | BooleanKey | ListKey | TextKey | ObsoleteKey;

/** Reserved answers (6.2): what they say stands in place of a value and is never itself answered. */
export const NOT_UNDERSTOOD = 'NotUnderstood';
export const REJECT = 'Reject';
export const IRRELEVANT = 'Irrelevant';

const SESSION_LEADING = {
  use: 'LO',
  senders: 'both',
  scope: 'session',
  isSecurityStage: false,
  irrelevance: 'in-discovery',
} as const;
const SESSION_LEADING_ALWAYS = { ...SESSION_LEADING, irrelevance: 'never' } as const;
const DIGEST = {
  use: 'IO',
  senders: 'both',
  scope: 'connection',
  isSecurityStage: false,
  irrelevance: 'never',
  form: 'list',
  negotiation: 'list',
  default: 'None',
} as const;
const NAMING = { scope: 'session', isSecurityStage: true, irrelevance: 'never', negotiation: 'declare' } as const;
const OBSOLETE = {
  use: 'IO',
  senders: 'both',
  scope: 'connection',
  isSecurityStage: false,
  irrelevance: 'never',
  form: 'obsolete',
  negotiation: 'obsolete',
  clause: '13.25',
} as const;

const RESULT_MIN = { form: 'number', negotiation: 'minimum' } as const;
const RESULT_MAX = { form: 'number', negotiation: 'maximum' } as const;
const RESULT_AND = { form: 'boolean', negotiation: 'and' } as const;
const RESULT_OR = { form: 'boolean', negotiation: 'or' } as const;
/** The largest value of MaxBurstLength, FirstBurstLength and MaxRecvDataSegmentLength. */
const BURST_MAX = 0xffffff;

export const KEYS = {
  // Who is there. SessionType is LO (13.21), but initiators repeat it on every connection of a session.
  SessionType: {
    ...NAMING,
    use: 'IO',
    senders: 'initiator',
    form: 'text',
    default: 'Normal',
    clause: '13.21',
  },
  InitiatorName: {
    ...NAMING,
    use: 'IO',
    senders: 'initiator',
    form: 'iscsi-name',
    default: null,
    clause: '13.5',
  },
  TargetName: { ...NAMING, use: 'IO', senders: 'both', form: 'iscsi-name', default: null, clause: '13.4' },
  InitiatorAlias: { ...NAMING, use: 'ALL', senders: 'initiator', form: 'text', default: null, clause: '13.7' },
  TargetAlias: { ...NAMING, use: 'ALL', senders: 'target', form: 'text', default: null, clause: '13.6' },
  TargetAddress: { ...NAMING, use: 'ALL', senders: 'target', form: 'text', default: null, clause: '13.8' },
  TargetPortalGroupTag: { ...NAMING, use: 'IO', senders: 'target', form: 'text', default: null, clause: '13.9' },
  'X#NodeArchitecture': {
    ...NAMING,
    isSecurityStage: false,
    use: 'IO',
    senders: 'both',
    form: 'text',
    default: null,
    clause: '13.26',
  },
  SendTargets: {
    ...NAMING,
    isSecurityStage: false,
    use: 'FFPO',
    senders: 'initiator',
    form: 'text',
    default: null,
    clause: '13.3',
  },

  // Security. The methods' own keys (CHAP_A ...) belong to their authenticators.
  AuthMethod: { ...DIGEST, use: 'SECURITY', isSecurityStage: true, clause: '12' },

  // Connection
  HeaderDigest: { ...DIGEST, clause: '13.1' },
  DataDigest: { ...DIGEST, clause: '13.1' },
  MaxRecvDataSegmentLength: {
    use: 'ALL',
    senders: 'both',
    scope: 'connection',
    isSecurityStage: false,
    irrelevance: 'never',
    form: 'number',
    negotiation: 'declare',
    low: 512,
    high: BURST_MAX,
    default: 8192,
    clause: '13.12',
  },

  // Session
  MaxConnections: { ...SESSION_LEADING, ...RESULT_MIN, low: 1, high: 65535, default: 1, clause: '13.2' },
  InitialR2T: { ...SESSION_LEADING, ...RESULT_OR, default: true, clause: '13.10' },
  ImmediateData: { ...SESSION_LEADING, ...RESULT_AND, default: true, clause: '13.11' },
  MaxBurstLength: { ...SESSION_LEADING, ...RESULT_MIN, low: 512, high: BURST_MAX, default: 262144, clause: '13.13' },
  FirstBurstLength: {
    ...SESSION_LEADING,
    ...RESULT_MIN,
    irrelevance: 'in-discovery-or-without-unsolicited-data',
    low: 512,
    high: BURST_MAX,
    default: 65536,
    clause: '13.14',
  },
  DefaultTime2Wait: { ...SESSION_LEADING_ALWAYS, ...RESULT_MAX, low: 0, high: 3600, default: 2, clause: '13.15' },
  DefaultTime2Retain: { ...SESSION_LEADING_ALWAYS, ...RESULT_MIN, low: 0, high: 3600, default: 20, clause: '13.16' },
  MaxOutstandingR2T: { ...SESSION_LEADING, ...RESULT_MIN, low: 1, high: 65535, default: 1, clause: '13.17' },
  DataPDUInOrder: { ...SESSION_LEADING, ...RESULT_OR, default: true, clause: '13.18' },
  DataSequenceInOrder: { ...SESSION_LEADING, ...RESULT_OR, default: true, clause: '13.19' },
  ErrorRecoveryLevel: { ...SESSION_LEADING_ALWAYS, ...RESULT_MIN, low: 0, high: 2, default: 0, clause: '13.20' },
  TaskReporting: { ...SESSION_LEADING, form: 'list', negotiation: 'list', default: 'RFC3720', clause: '13.23' },
  // 1 is RFC 7143 itself, 2 is RFC 7144.
  iSCSIProtocolLevel: { ...SESSION_LEADING, ...RESULT_MIN, low: 0, high: 31, default: 1, clause: '13.24' },

  // Markers
  IFMarker: { ...OBSOLETE, answer: 'No' },
  OFMarker: { ...OBSOLETE, answer: 'No' },
  IFMarkInt: { ...OBSOLETE, answer: 'Reject' },
  OFMarkInt: { ...OBSOLETE, answer: 'Reject' },
} as const satisfies Readonly<Record<string, KeyDefinition>>;

export type KeyName = keyof typeof KEYS;

/** The key's name when the table has it; every other key, X- and X# among them, is not understood (6.2). */
export function isKeyName(name: string): name is KeyName {
  return Object.hasOwn(KEYS, name);
}

/** The key's rules, wide enough to switch on. */
export function keyDefinition(name: KeyName): KeyDefinition {
  return KEYS[name];
}

/** Place in the table: keys of one text are negotiated by ascending rank. */
export function keyRank(name: KeyName): number {
  return RANKS[name];
}

const RANKS = Object.fromEntries(Object.keys(KEYS).map((name, rank) => [name, rank])) as Record<KeyName, number>;
