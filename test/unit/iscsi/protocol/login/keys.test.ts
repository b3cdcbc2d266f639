/** The table of text keys against RFC 7143 13, written out here a second time from the clauses. */
import { describe, expect, it } from 'vitest';
import { isKeyName, KEYS, type KeyName, keyDefinition, keyRank } from '../../../../../src/iscsi/protocol/login/keys.ts';
import { OFFERS_DEFAULT, type OfferedKey, offersFault } from '../../../../../src/iscsi/protocol/login/parameters.ts';

/** Key, use, function, default, range: the "Use", "Result function" and "Default" lines of each clause. */
const NUMBERS: readonly (readonly [KeyName, string, string, number, number, number])[] = [
  ['MaxConnections', 'LO', 'minimum', 1, 1, 65535],
  ['MaxRecvDataSegmentLength', 'ALL', 'declare', 8192, 512, 2 ** 24 - 1],
  ['MaxBurstLength', 'LO', 'minimum', 262144, 512, 2 ** 24 - 1],
  ['FirstBurstLength', 'LO', 'minimum', 65536, 512, 2 ** 24 - 1],
  ['DefaultTime2Wait', 'LO', 'maximum', 2, 0, 3600],
  ['DefaultTime2Retain', 'LO', 'minimum', 20, 0, 3600],
  ['MaxOutstandingR2T', 'LO', 'minimum', 1, 1, 65535],
  ['ErrorRecoveryLevel', 'LO', 'minimum', 0, 0, 2],
  ['iSCSIProtocolLevel', 'LO', 'minimum', 1, 0, 31],
];
const BOOLEANS: readonly (readonly [KeyName, string, boolean])[] = [
  ['InitialR2T', 'or', true],
  ['ImmediateData', 'and', true],
  ['DataPDUInOrder', 'or', true],
  ['DataSequenceInOrder', 'or', true],
];
/** Every key of clauses 12 and 13 but those of the authentication methods. */
const ALL_KEYS = [
  ...['HeaderDigest', 'DataDigest', 'MaxConnections', 'SendTargets', 'TargetName', 'InitiatorName', 'TargetAlias'],
  ...['InitiatorAlias', 'TargetAddress', 'TargetPortalGroupTag', 'InitialR2T', 'ImmediateData'],
  ...['MaxRecvDataSegmentLength', 'MaxBurstLength', 'FirstBurstLength', 'DefaultTime2Wait', 'DefaultTime2Retain'],
  ...['MaxOutstandingR2T', 'DataPDUInOrder', 'DataSequenceInOrder', 'ErrorRecoveryLevel', 'SessionType'],
  ...['TaskReporting', 'iSCSIProtocolLevel', 'IFMarker', 'OFMarker', 'IFMarkInt', 'OFMarkInt', 'X#NodeArchitecture'],
  'AuthMethod',
];

describe('the table of keys', () => {
  it('has every key of the RFC and no other', () => {
    expect(Object.keys(KEYS).sort()).toEqual([...ALL_KEYS].sort());
  });

  it.each(NUMBERS)('%s is %s, its result the %s', (name, use, negotiation, byDefault, low, high) => {
    expect(keyDefinition(name)).toMatchObject({ form: 'number', use, negotiation, default: byDefault, low, high });
  });

  it.each(BOOLEANS)('%s is LO, its result by %s', (name, negotiation, byDefault) => {
    expect(keyDefinition(name)).toMatchObject({ form: 'boolean', use: 'LO', negotiation, default: byDefault });
  });

  it('lets only naming keys and AuthMethod into the security stage (6.3.2)', () => {
    const allowed = (Object.keys(KEYS) as KeyName[]).filter((name) => keyDefinition(name).isSecurityStage);
    expect(allowed.sort()).toEqual([
      'AuthMethod',
      'InitiatorAlias',
      'InitiatorName',
      'SessionType',
      'TargetAddress',
      'TargetAlias',
      'TargetName',
      'TargetPortalGroupTag',
    ]);
  });

  it('makes irrelevant in discovery what has to do with commands', () => {
    const irrelevant = (Object.keys(KEYS) as KeyName[]).filter((name) => keyDefinition(name).irrelevance !== 'never');
    expect(irrelevant.sort()).toEqual([
      'DataPDUInOrder',
      'DataSequenceInOrder',
      'FirstBurstLength',
      'ImmediateData',
      'InitialR2T',
      'MaxBurstLength',
      'MaxConnections',
      'MaxOutstandingR2T',
      'TaskReporting',
      'iSCSIProtocolLevel',
    ]);
  });

  it('ranks a key below those it depends on', () => {
    for (const name of ['InitialR2T', 'ImmediateData', 'MaxBurstLength', 'SessionType'] as const) {
      expect(keyRank(name)).toBeLessThan(keyRank('FirstBurstLength'));
    }
    for (const name of Object.keys(KEYS) as KeyName[]) {
      if (name !== 'SessionType') expect(keyRank('SessionType')).toBeLessThan(keyRank(name));
    }
  });

  it('does not take the names of object members for keys', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', ''])
      expect(isKeyName(name)).toBe(false);
  });
});

describe('offers', () => {
  it('by default are without fault', () => {
    expect(offersFault(OFFERS_DEFAULT)).toBeNull();
  });

  it.each(NUMBERS)('of %s must lie in its range', (name, _use, _negotiation, _default, low, high) => {
    for (const value of [low - 1, high + 1, low + 0.5, Number.NaN]) {
      expect(offersFault({ ...OFFERS_DEFAULT, [name]: value })).toBe(
        `${name}=${value} is not a whole number from ${low} to ${high}`,
      );
    }
  });

  it.each(['HeaderDigest', 'DataDigest'] satisfies OfferedKey[])('of %s are None and CRC32C', (name) => {
    expect(offersFault({ ...OFFERS_DEFAULT, [name]: ['CRC32C'] })).toBeNull();
    expect(offersFault({ ...OFFERS_DEFAULT, [name]: ['None', 'MD5'] })).toMatch(`${name}=None,MD5 is not a list of`);
    expect(offersFault({ ...OFFERS_DEFAULT, [name]: [] })).toMatch(`${name}= is not a list of`);
  });

  it('of FirstBurstLength are at most 262144 and MaxBurstLength', () => {
    expect(offersFault({ ...OFFERS_DEFAULT, FirstBurstLength: 262145 })).toBe(
      'FirstBurstLength=262145 is more than 262144',
    );
    expect(offersFault({ ...OFFERS_DEFAULT, MaxBurstLength: 512 })).toBe(
      'FirstBurstLength=262144 is more than MaxBurstLength=512',
    );
  });
});
