/**
 * Whole sessions with targets that not everyone may enter: CHAP over the wire, LUN maps, read-only initiators, what
 * SendTargets tells to whom, and what a refusal leaves behind. The initiator connects from 192.0.2.9.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeText } from '../../../../../src/iscsi/codec/text.ts';
import { AccessList, type AccessRule } from '../../../../../src/iscsi/protocol/access/access-list.ts';
import { AddressRange } from '../../../../../src/iscsi/protocol/access/address-range.ts';
import { InitiatorPattern } from '../../../../../src/iscsi/protocol/access/initiator-pattern.ts';
import { type Authentication, NO_AUTHENTICATION } from '../../../../../src/iscsi/protocol/login/auth.ts';
import { CHAP_ALGORITHMS, ChapSecret } from '../../../../../src/iscsi/protocol/login/chap.ts';
import { OFFERS_DEFAULT } from '../../../../../src/iscsi/protocol/login/parameters.ts';
import { type Portal, TargetNode } from '../../../../../src/iscsi/protocol/session/target-node.ts';
import { Authentications } from '../../../../../src/mgmt/target-guard.ts';
import { TargetDevice } from '../../../../../src/scsi/target-device.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import { ChapScript, type ChapScriptOptions } from '../../../../initiator/chap-script.ts';
import type { InitiatorConnection } from '../../../../initiator/initiator-connection.ts';
import { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { SECURITY_NONE, type SecurityScript } from '../../../../initiator/login-script.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';
import { SimulatedWire, WIRE_OPTIONS_DEFAULT } from '../../../../sim/simulated-wire.ts';

const PREFIX = 'iqn.2001-04.com.example:';
const GUARDED = `${PREFIX}guarded`;
const ALICE = { user: 'alice', secret: 'a secret of alice' };
const BOB = { user: 'bob', secret: 'a secret of bob' };
const DISK = { user: 'disk', secret: 'what the target knows' };
const WRITE_PROTECTED = 0x072700;
const LUN_NOT_SUPPORTED = 0x052500;

let target: SimulatedTarget;

beforeEach(() => {
  target = new SimulatedTarget({ otherTargets: [`${PREFIX}other`] });
});

function chap(): Authentication {
  const users = [ALICE, BOB].map(({ user, secret }) => [user, new ChapSecret(Buffer.from(secret))] as const);
  const mutual = { user: DISK.user, secret: new ChapSecret(Buffer.from(DISK.secret)) };
  return new Authentications().make({ algorithms: CHAP_ALGORITHMS, users: new Map(users), mutual });
}

interface RuleOptions {
  readonly initiator?: string;
  readonly address?: string;
  readonly user?: string;
  readonly luns?: readonly number[];
  readonly isReadOnly?: boolean;
}

function deviceWith(luns: readonly number[]): TargetDevice {
  const device = new TargetDevice(target.context);
  for (const lun of luns) device.addLogicalUnit(lun, target.unit);
  return device;
}

function rule({ initiator, address, user, luns = [0], isReadOnly = false }: RuleOptions): AccessRule {
  return {
    initiator: initiator === undefined ? null : (InitiatorPattern.parse(initiator) as InitiatorPattern),
    address: address === undefined ? null : (AddressRange.parse(address) as AddressRange),
    user: user ?? null,
    grant: { device: deviceWith(luns), isReadOnly },
  };
}

/** Adds a target that is guarded; reachable by the simulated target's portal. */
function guard(rules: readonly AccessRule[] | null, authentication = NO_AUTHENTICATION, name = GUARDED): void {
  const open = target.registry.target(`${PREFIX}other`) as TargetNode;
  const groups = [{ tag: 1, portals: open.portalGroups[0]?.portals as Portal[] }];
  const access = rules === null ? null : new AccessList(rules);
  const offers = { ...OFFERS_DEFAULT, MaxConnections: 4 };
  target.registry.addTarget(new TargetNode(name, null, offers, groups, deviceWith([0, 1]), { authentication, access }));
}

function tryToConnect(
  settings: Partial<InitiatorSettings> = {},
  security: SecurityScript = SECURITY_NONE(),
  of: InitiatorSession | null = null,
): [InitiatorSession, InitiatorConnection] {
  const session =
    of ?? new InitiatorSession({ targetName: GUARDED, hasSecurityStage: true, maxConnections: 4, ...settings });
  const wire = new SimulatedWire(target.time, WIRE_OPTIONS_DEFAULT);
  const connection = session.connect(wire, of === null ? {} : settings, security);
  wire.attach(target.accept(wire), connection);
  connection.logIn();
  target.time.settle();
  return [session, connection];
}

function statusOf(settings: Partial<InitiatorSettings> = {}, security?: SecurityScript): number {
  return tryToConnect(settings, security)[1].loginStatus;
}

function enter(settings: Partial<InitiatorSettings> = {}, security?: SecurityScript): InitiatorSession {
  const [session, connection] = tryToConnect(settings, security);
  expect(connection.loginStatus).toBe(0);
  return session;
}

/** Sense code of a command on `lun`, after its unit attention; 0 when it is good. */
function senseOf(session: InitiatorSession, cdb: Buffer, options: object, lun = 0): number {
  const lunHigh = lun << 16;
  session.execute(TEST_UNIT_READY, { lunHigh });
  target.time.settle();
  const task = session.execute(cdb, { ...options, lunHigh });
  target.time.settle();
  return task.status === 0 ? 0 : task.senseCode;
}

function isThere(session: InitiatorSession, lun: number): boolean {
  const sense = senseOf(session, read10(0, 1), { dataIn: 512 }, lun);
  expect([0, LUN_NOT_SUPPORTED]).toContain(sense);
  return sense === 0;
}

describe('CHAP over the wire', () => {
  it.each([5, 6, 7, 8])('lets in with algorithm %i, one-way and mutual, and data flows', (algorithm) => {
    guard(null, chap());
    for (const proof of [undefined, DISK]) {
      const options = { algorithms: [algorithm], ...(proof === undefined ? {} : { target: proof }) };
      const script = new ChapScript(ALICE, options);
      const session = enter({ isidLow: proof === undefined ? 1 : 2 }, script);
      expect(script.algorithm).toBe(algorithm);
      expect(script.isProvedBy(session.connection.answers)).toBe(proof !== undefined);
      expect(isThere(session, 1)).toBe(true);
    }
  });

  it.each<[string, ChapScriptOptions]>([
    ['CHAP_A together with AuthMethod', { isHasty: true }],
    ['base64', { isBase64: true, target: DISK }],
    ['CHAP as the only method', { authMethod: 'CHAP' }],
    ['None preferred', { authMethod: 'None,CHAP' }],
  ])('takes %s', (_, options) => {
    guard(null, chap());
    enter({}, new ChapScript(ALICE, options));
  });

  it('takes login texts cut into pieces of 64 bytes', () => {
    guard(null, chap());
    const script = new ChapScript(ALICE, { target: DISK });
    const session = enter({ loginSegmentBytes: 64 }, script);
    expect(script.isProvedBy(session.connection.answers)).toBe(true);
  });

  it('refuses wrong secrets, unknown users, and those who skip it, and keeps nothing of them', () => {
    guard(null, chap());
    expect(statusOf({}, new ChapScript({ ...ALICE, secret: 'a secret of alicf' }))).toBe(0x0201);
    expect(statusOf({}, new ChapScript({ ...ALICE, user: 'mallory' }))).toBe(0x0201);
    expect(statusOf()).toBe(0x0201);
    expect(statusOf({ hasSecurityStage: false })).toBe(0x0201);
    expect([...target.registry.refusals.counts]).toEqual([[0x0201, 4]]);
    expect(target.registry.sessionCount).toBe(0);
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('guards discovery sessions on their own', () => {
    target.registry.guardDiscovery(chap(), false);
    expect(statusOf({ targetName: null })).toBe(0x0201);
    enter({ targetName: null }, new ChapScript(BOB, { target: DISK }));
    enter({ targetName: `${PREFIX}other` });
  });

  it('is asked of every connection of a session', () => {
    guard(null, chap());
    const session = enter({}, new ChapScript(ALICE));
    const settings = { cid: 1, isLeading: false };
    expect(tryToConnect(settings, SECURITY_NONE(), session)[1].loginStatus).toBe(0x0201);
    expect(tryToConnect(settings, new ChapScript(ALICE), session)[1].loginStatus).toBe(0);
    expect(session.connections.filter(({ isOpen }) => isOpen).length).toBe(2);
  });
});

describe('access rules', () => {
  it('refuse with 0x0202 whom none fits, before anything is proved', () => {
    guard([rule({ initiator: `${PREFIX}other*` }), rule({ address: '198.51.100.0/24' })], chap());
    expect(statusOf({}, new ChapScript(ALICE))).toBe(0x0202);
    expect([...target.registry.refusals.counts]).toEqual([[0x0202, 1]]);
  });

  it('count no redirection as a refusal', () => {
    guard(null);
    const node = target.registry.target(GUARDED) as TargetNode;
    node.redirection = { address: '192.0.2.2:3260', isPermanent: false };
    expect(statusOf()).toBe(0x0101);
    expect(target.registry.refusals.counts.size).toBe(0);
  });

  it('tell users apart once they have proved who they are', () => {
    guard([rule({ user: 'alice', luns: [3] })], chap());
    expect(statusOf({}, new ChapScript(BOB))).toBe(0x0202);
    expect(statusOf({}, new ChapScript({ ...BOB, user: 'alice' }))).toBe(0x0201);
    expect(isThere(enter({}, new ChapScript(ALICE)), 3)).toBe(true);
    expect(target.registry.sessionCount).toBe(1);
  });

  it('show each initiator its own LUNs of one disk', () => {
    guard([rule({ initiator: '*:one', luns: [0] }), rule({ address: '192.0.2.0/24', luns: [5, 6] })]);
    const one = enter({ initiatorName: `${PREFIX}one` });
    const other = enter();
    expect([0, 5, 6].map((lun) => isThere(one, lun))).toEqual([true, false, false]);
    expect([0, 5, 6].map((lun) => isThere(other, lun))).toEqual([false, true, true]);
    const written = Buffer.alloc(512, 0x5a);
    expect(senseOf(one, write10(7, 1), { dataOut: written }, 0)).toBe(0);
    const read = other.execute(read10(7, 1), { dataIn: 512, lunHigh: 6 << 16 });
    target.time.settle();
    expect(read.dataIn.equals(written)).toBe(true);
  });

  it('know the ports of the target behind every LUN map, before anyone logs in', () => {
    const rules = [rule({ initiator: '*:one', luns: [0] }), rule({ luns: [5] })];
    guard(rules);
    const node = target.registry.target(GUARDED) as TargetNode;
    expect(node.devices).toEqual(new Set([node.device, ...rules.map(({ grant }) => grant.device)]));
    const names = [...target.unit.reservations.targetPorts].map(({ name }) => name);
    expect(names).toContain(`${GUARDED},t,0x0001`);
  });

  it('REPORT LUNS names what is shown and no more', () => {
    guard([rule({ luns: [2, 9] })]);
    const session = enter();
    const cdb = Buffer.alloc(16);
    cdb[0] = 0xa0;
    cdb.writeUInt32BE(256, 6);
    const task = session.execute(cdb, { dataIn: 256, lunHigh: 2 << 16 });
    target.time.settle();
    expect(task.dataIn.readUInt32BE(0)).toBe(16);
    expect([task.dataIn.readUInt16BE(8), task.dataIn.readUInt16BE(16)]).toEqual([2, 9]);
  });

  it('protect the disk from those who may only read, and say so in MODE SENSE', () => {
    guard([rule({ initiator: '*:reader', isReadOnly: true }), rule({})]);
    const reader = enter({ initiatorName: `${PREFIX}reader` });
    const writer = enter();
    const dataOut = Buffer.alloc(512, 0x11);
    expect(senseOf(reader, write10(0, 1), { dataOut })).toBe(WRITE_PROTECTED);
    expect(senseOf(writer, write10(0, 1), { dataOut })).toBe(0);
    expect(senseOf(reader, read10(0, 1), { dataIn: 512 })).toBe(0);
    const isProtected = [reader, writer].map((session) => {
      const modeSense = Buffer.from([0x1a, 0x08, 0x3f, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      const task = session.execute(modeSense, { dataIn: 4 });
      target.time.settle();
      return (task.dataIn[2] as number) >= 0x80;
    });
    expect(isProtected).toEqual([true, false]);
  });

  it('keep who may only read from taking the disk from those who write', () => {
    guard([rule({ initiator: '*:reader', isReadOnly: true }), rule({})]);
    const reader = enter({ initiatorName: `${PREFIX}reader` });
    const writer = enter();
    const reserve = Buffer.from([0x16, ...Array<number>(15).fill(0)]);
    expect(senseOf(reader, reserve, {})).toBe(WRITE_PROTECTED);
    expect(senseOf(writer, write10(0, 1), { dataOut: Buffer.alloc(512, 0x11) })).toBe(0);
    expect(senseOf(writer, reserve, {})).toBe(0);
  });

  it('a connection that would be given something else cannot join the session', () => {
    guard([rule({ user: 'alice', luns: [0] }), rule({ user: 'bob', luns: [0, 1] })], chap());
    const session = enter({}, new ChapScript(ALICE));
    const [, connection] = tryToConnect({ cid: 1, isLeading: false }, new ChapScript(BOB), session);
    expect(connection.loginStatus).toBe(0x0208);
    expect(session.connections.filter(({ isOpen }) => isOpen).length).toBe(1);
  });
});

describe('the ports that an initiator is told of', () => {
  const READER = `${PREFIX}reader`;

  function dataOf(session: InitiatorSession, cdb: readonly number[], lun = 0): Buffer {
    const lunHigh = lun << 16;
    session.execute(TEST_UNIT_READY, { lunHigh });
    const task = session.execute(Buffer.from([...cdb, ...Array<number>(16 - cdb.length).fill(0)]), {
      dataIn: 4096,
      lunHigh,
    });
    target.time.settle();
    expect(task.status).toBe(0);
    return task.dataIn;
  }

  /** The names in VPD page 88h, without what they have in common. */
  function namesOf(session: InitiatorSession, lun = 0): string[] {
    const page = dataOf(session, [0x12, 0x01, 0x88, 0x10, 0], lun);
    const names: string[] = [];
    for (let at = 4; at < 4 + page.readUInt16BE(2); at += 12 + page.readUInt16BE(at + 10)) {
      const end = at + 12 + page.readUInt16BE(at + 10);
      names.push(
        page
          .toString('utf8', at + 16, end)
          .replace(/\0*$/, '')
          .slice(PREFIX.length),
      );
    }
    return names;
  }

  /** The groups of REPORT TARGET PORT GROUPS, one port each. */
  function groupsOf(session: InitiatorSession, lun = 0): number[] {
    const data = dataOf(session, [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0x10, 0], lun);
    const groups: number[] = [];
    for (let at = 4; at < 4 + data.readUInt32BE(0); at += 12) groups.push(data.readUInt16BE(at + 2));
    return groups;
  }

  function setGroup(session: InitiatorSession, group: number): number {
    const dataOut = Buffer.from([0, 0, 0, 0, 0x02, 0, group >>> 8, group & 0xff]);
    const cdb = Buffer.from([0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, dataOut.length, 0, 0, 0, 0, 0, 0]);
    return senseOf(session, cdb, { dataOut });
  }

  const portOf = (name: string) =>
    (target.registry.target(`${PREFIX}${name}`) as TargetNode).ports.find(`${PREFIX}${name},t,0x0001`);

  it('are those of targets that it may enter, and the one that it came by', () => {
    guard([rule({ initiator: READER, luns: [0] })]);
    guard(null, NO_AUTHENTICATION, `${PREFIX}open`);
    const known = ['disk,t,0x0001', 'open,t,0x0001'];
    expect(namesOf(enter({ targetName: `${PREFIX}open` }))).toEqual(known);
    const reader = enter({ initiatorName: READER, targetName: `${PREFIX}open`, isidLow: 2 });
    expect(namesOf(reader).sort()).toEqual([...known, 'guarded,t,0x0001'].sort());
    expect(groupsOf(reader)).toHaveLength(3);
    const within = enter({ initiatorName: READER, isidLow: 3 });
    expect(namesOf(within).sort()).toEqual([...known, 'guarded,t,0x0001'].sort());
  });

  it('are not those by which it would find other disks alone', () => {
    const elsewhere = rule({ initiator: READER, luns: [] });
    guard([elsewhere, rule({})]);
    const seen = (initiatorName: string, isidLow: number) =>
      namesOf(enter({ initiatorName, targetName: `${PREFIX}disk`, isidLow })).includes('guarded,t,0x0001');
    expect([seen(READER, 1), seen(`${PREFIX}host`, 2)]).toEqual([false, true]);
  });

  it('are those that it could enter as a user, until it has proved to be another', () => {
    guard([rule({ user: 'alice' })], chap());
    guard([rule({ user: 'bob' }), rule({ user: 'alice' })], chap(), `${PREFIX}both`);
    const sees = (session: InitiatorSession) => namesOf(session).includes('guarded,t,0x0001');
    expect(sees(enter({ targetName: `${PREFIX}disk` }))).toBe(true);
    expect(sees(enter({ targetName: `${PREFIX}both`, isidLow: 2 }, new ChapScript(BOB)))).toBe(false);
    expect(sees(enter({ targetName: `${PREFIX}both`, isidLow: 3 }, new ChapScript(ALICE)))).toBe(true);
  });

  it('are those alone whose state it can set', () => {
    guard([rule({ initiator: READER })]);
    const hidden = portOf('guarded')!.relativeTargetPort;
    const host = enter({ targetName: `${PREFIX}disk` });
    expect(groupsOf(host)).not.toContain(hidden);
    expect(setGroup(host, hidden)).toBe(0x052600);
    expect(portOf('guarded')!.access.state).toBe(0);
    const reader = enter({ initiatorName: READER, targetName: `${PREFIX}disk`, isidLow: 2 });
    expect(setGroup(reader, hidden)).toBe(0);
    expect(portOf('guarded')!.access.state).toBe(2);
  });

  it('decide whether the disk has several (MULTIP)', () => {
    guard([rule({ initiator: READER })]);
    const multip = (session: InitiatorSession) => (dataOf(session, [0x12, 0, 0, 0, 96])[6]! & 0x10) !== 0;
    const host = enter({ targetName: `${PREFIX}disk` });
    const reader = enter({ initiatorName: READER, targetName: `${PREFIX}disk`, isidLow: 2 });
    expect([multip(host), multip(reader)]).toEqual([false, true]);
  });
});

describe('SendTargets', () => {
  const HIDDEN = `${PREFIX}hidden`;
  const FOR_ALICE = `${PREFIX}for-alice`;

  function arrange(authentication: Authentication, isFiltered: boolean): void {
    guard([rule({ initiator: `${PREFIX}ho*` })]);
    guard([rule({ address: '198.51.100.7' })], NO_AUTHENTICATION, HIDDEN);
    guard([rule({ user: 'alice' })], chap(), FOR_ALICE);
    target.registry.guardDiscovery(authentication, isFiltered);
  }

  function told(session: InitiatorSession, value = 'All'): string[] {
    const request = session.text(encodeText([{ key: 'SendTargets', value }]));
    target.time.settle();
    return request.pairs.filter(({ key }) => key === 'TargetName').map((pair) => pair.value.slice(PREFIX.length));
  }

  it('tells of everything where it is not filtered', () => {
    arrange(NO_AUTHENTICATION, false);
    const session = enter({ targetName: null });
    expect(told(session)).toEqual(['disk', 'other', 'guarded', 'hidden', 'for-alice']);
    expect(told(session, HIDDEN)).toEqual(['hidden']);
  });

  it('tells of what name and address let in, the user left open', () => {
    arrange(NO_AUTHENTICATION, true);
    const session = enter({ targetName: null });
    expect(told(session)).toEqual(['disk', 'other', 'guarded', 'for-alice']);
    expect(told(session, HIDDEN)).toEqual([]);
    expect(told(session, GUARDED)).toEqual(['guarded']);
    expect(told(enter({ targetName: null, initiatorName: `${PREFIX}x`, isidLow: 2 }))).toEqual([
      'disk',
      'other',
      'for-alice',
    ]);
  });

  it('tells a user that has been proved of what it may enter', () => {
    arrange(chap(), true);
    expect(told(enter({ targetName: null }, new ChapScript(ALICE)))).toContain('for-alice');
    const bob = enter({ targetName: null, isidLow: 2 }, new ChapScript(BOB));
    expect(told(bob)).toEqual(['disk', 'other', 'guarded']);
    expect(told(bob, FOR_ALICE)).toEqual([]);
  });

  it('tells a normal session of its own target, and of no other that it may not enter', () => {
    arrange(NO_AUTHENTICATION, true);
    const session = enter();
    expect(told(session, '')).toEqual(['guarded']);
    expect(told(session, HIDDEN)).toEqual([]);
    expect(told(session, `${PREFIX}other`)).toEqual(['other']);
  });
});
