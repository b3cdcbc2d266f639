/**
 * Asymmetric access states of a running daemon (SPC-4 5.16.2): two portals in two groups, initiator a by the first, b and c by
 * the second. What initiators set holds over restarts of every kind; what the operator wants is taken over by SIGHUP; with all
 * on the main thread, and with a thread for each target.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inquiry, read10, write10 } from '../initiator/cdb.ts';
import type { InitiatorTask } from '../initiator/initiator-task.ts';
import { pattern } from '../initiator/pattern.ts';
import { describeNative } from '../native/native-suite.ts';
import { PATIENCE_MS, waitUntil } from '../patience.ts';
import { DaemonProcess, type DaemonSetup, type LogLine, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { TcpInitiator } from './tcp-initiator.ts';

const OTHER = 'iqn.2026-11.org.example:other';
const BLOCK_BYTES = 512;
const TEST_UNIT_READY = Buffer.alloc(16);
const UNIT_ATTENTION = 6;
const GOOD = 0;
const STANDBY = 0x02040b;
const UNAVAILABLE = 0x02040c;
const TRANSITION = 0x02040a;
const STATE_CHANGED = 0x062a06;
const INVALID_FIELD_IN_CDB = 0x052400;
const INVALID_FIELD_IN_LIST = 0x052600;
const COMMAND_FAILED = 0x04670a;
const PARAMETER_LIST_LENGTH_ERROR = 0x051a00;

let folder: TestFolder;
let daemon: DaemonProcess;
const open: TcpInitiator[] = [];
let isids = 0;

beforeEach(() => {
  folder = new TestFolder();
});

afterEach(async () => {
  await closeAll();
  await daemon.kill(); // left over by a test that failed; else it has ended long ago
  folder.dispose();
});

async function closeAll(): Promise<void> {
  for (const initiator of open.splice(0)) await initiator.close();
}

async function stop(): Promise<void> {
  await closeAll();
  await daemon.stop();
}

/** A daemon that has logged an error as it should. */
async function stopAfterFault(): Promise<LogLine[]> {
  await closeAll();
  daemon.signal('SIGTERM');
  expect(await daemon.ended).toBe(0);
  return daemon.log.filter(({ level }) => level >= 50);
}

/** A session that has heard what happened before it came. */
async function login(portal: number, targetName = TARGET_NAME): Promise<TcpInitiator> {
  isids += 1;
  const initiator = await TcpInitiator.open(daemon.addresses[portal] as string, { targetName, isidLow: isids });
  open.push(initiator);
  while ((await outcome(initiator)) >>> 16 === UNIT_ATTENTION);
  return initiator;
}

/** Sense code, 0 when it is GOOD. */
async function outcome(initiator: TcpInitiator, cdb: Buffer = TEST_UNIT_READY, options = {}): Promise<number> {
  return codeOf(await initiator.execute(cdb, options));
}

function codeOf({ status, senseCode }: InitiatorTask): number {
  return status === GOOD ? GOOD : senseCode;
}

async function dataIn(initiator: TcpInitiator, cdb: Buffer, lengthMax = 4096): Promise<Buffer> {
  const task = await initiator.execute(cdb, { dataIn: lengthMax });
  expect([task.status, task.senseCode]).toEqual([GOOD, -1]);
  return task.dataIn;
}

function maintenance(operationCode: number, serviceAction: number, lengthBytes: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb[0] = operationCode;
  cdb[1] = serviceAction;
  cdb.writeUInt32BE(lengthBytes, 6);
  return cdb;
}

async function reportGroups(initiator: TcpInitiator, format = 0): Promise<string> {
  const data = await dataIn(initiator, maintenance(0xa3, (format << 5) | 0x0a, 4096));
  return data.subarray(0, data.readUInt32BE(0) + 4).toString('hex');
}

/** "group state status" of each; "!" marks the preferred. */
async function groups(initiator: TcpInitiator): Promise<string[]> {
  const data = Buffer.from(await reportGroups(initiator), 'hex');
  const found: string[] = [];
  for (let at = 4; at < data.length; at += 12) {
    const flags = data[at] as number;
    found.push(`${data.readUInt16BE(at + 2)}${flags & 0x80 ? '!' : ''} ${flags & 0xf} ${data[at + 5]}`);
  }
  return found;
}

/** SET TARGET PORT GROUPS with [group, state] descriptors. */
function setGroups(initiator: TcpInitiator, ...descriptors: readonly (readonly [number, number])[]): Promise<number> {
  const dataOut = Buffer.alloc(4 + descriptors.length * 4);
  for (const [i, [group, state]] of descriptors.entries()) {
    dataOut[4 + i * 4] = state;
    dataOut.writeUInt16BE(group, 6 + i * 4);
  }
  return outcome(initiator, maintenance(0xa4, 0x0a, dataOut.length), { dataOut });
}

function vpd(page: number): Buffer {
  const cdb = inquiry(4096);
  cdb[1] = 1;
  cdb[2] = page;
  return cdb;
}

/** The designators of page 83h with the association to the target port, by type. */
async function portDesignators(initiator: TcpInitiator): Promise<Map<number, Buffer>> {
  const page = await dataIn(initiator, vpd(0x83));
  const found = new Map<number, Buffer>();
  for (let at = 4; at < page.readUInt16BE(2) + 4; ) {
    const end = at + 4 + (page[at + 3] as number);
    const kind = page[at + 1] as number;
    if (((kind >>> 4) & 3) === 1) found.set(kind & 0xf, page.subarray(at + 4, end));
    at = end;
  }
  return found;
}

async function canWrite(initiator: TcpInitiator, lba: number, seed: number): Promise<void> {
  const data = pattern(BLOCK_BYTES, seed);
  expect(await outcome(initiator, write10(lba, 1), { dataOut: data })).toBe(GOOD);
  expect((await dataIn(initiator, read10(lba, 1), BLOCK_BYTES)).equals(data)).toBe(true);
}

/** Changes the configuration and has it read again. */
async function reload(change: (targets: Record<string, { alua?: object }>) => void): Promise<void> {
  const file = folder.join('config-any.json');
  const document = JSON.parse(readFileSync(file, 'utf8'));
  change(document.iscsitargets);
  writeFileSync(file, JSON.stringify(document));
  const isRead = ({ msg }: LogLine) => msg.startsWith('the configuration was read again');
  const before = daemon.log.filter(isRead).length;
  daemon.signal('SIGHUP');
  await waitUntil('the configuration was read again', () => daemon.log.filter(isRead).length > before);
}

function reloadStates(target: string, groupStates: object): Promise<void> {
  return reload((targets) => {
    (targets[target] as { alua?: object }).alua = { groups: groupStates };
  });
}

/** A change by the configuration is saved first, then told. */
async function expectSoonTold(initiator: TcpInitiator, senseCode: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let code = await outcome(initiator);
  while (code !== senseCode) {
    expect([GOOD, TRANSITION]).toContain(code);
    expect(performance.now()).toBeLessThan(deadline);
    code = await outcome(initiator);
  }
}

function portFiles(): string[] {
  return readdirSync(folder.join('state')).filter((name) => name.startsWith('target-'));
}

describe('with all on the main thread', () => suite(1, 'file'));
describeNative('with a thread for each target', () => suite(2, 'iouring'));

function suite(reactors: number, scheme: string): void {
  function setup(alua: object = {}): DaemonSetup {
    const disks = [0, 1].map((index) => ({ scheme, fileName: `${index}.img`, size: '1MiB' }));
    const tpgts = { '1': [0], '2': [1] };
    const iscsitargets = {
      [TARGET_NAME]: { tpgts, alua, luns: { '0': 0 } },
      [OTHER]: { tpgts: { '5': [0], '6': [1] }, luns: { '0': 1 } },
    };
    return { disks, otherPortals: ['127.0.0.1:0'], keys: { iscsitargets, performance: { reactors } } };
  }

  async function start(alua?: object): Promise<void> {
    daemon = await DaemonProcess.start(folder, setup(alua));
  }

  it('each portal is a port and a group of its own, and tells of both', async () => {
    await start({ groups: { '2': { state: 'active/non-optimized', preferred: true } } });
    const [a, b] = [await login(0), await login(1)];
    for (const [initiator, port] of [[a, 1] as const, [b, 2] as const]) {
      expect(((await dataIn(initiator, inquiry(4096)))[5] as number) & 0x30).toBe(0x30); // TPGS
      expect(await reportGroups(initiator)).toBe('00000018008f00010000000100000001818f00020000000100000002');
      expect(await reportGroups(initiator, 1)).toBe('0000001c10000000008f00010000000100000001818f00020000000100000002');
      const designators = await portDesignators(initiator);
      expect(designators.get(4)?.toString('hex')).toBe(`0000000${port}`);
      expect(designators.get(5)?.toString('hex')).toBe(`0000000${port}`);
      expect(designators.get(8)?.toString('latin1')).toContain(`${TARGET_NAME},t,0x000${port}`);
    }
    const ports = await dataIn(a, vpd(0x88));
    expect(ports.equals(await dataIn(b, vpd(0x88)))).toBe(true);
    for (const port of [1, 2]) expect(ports.toString('latin1')).toContain(`${TARGET_NAME},t,0x000${port}`);
    // Of the other target, which has none of this one's disks.
    expect(await groups(await login(0, OTHER))).toEqual(['3 0 0', '4 0 0']);
    await stop();
  });

  it('standby closes one portal, every other session hears of it, and the other portal goes on', async () => {
    await start();
    const [a, b, c] = [await login(0), await login(1), await login(1)];
    const other = await login(1, OTHER);
    await canWrite(b, 7, 1);
    expect(await setGroups(a, [2, 2])).toBe(GOOD);
    expect([await outcome(b), await outcome(c)]).toEqual([STATE_CHANGED, STATE_CHANGED]);
    expect(await outcome(b, write10(7, 1), { dataOut: pattern(BLOCK_BYTES, 2) })).toBe(STANDBY);
    expect(await outcome(b, read10(7, 1), { dataIn: BLOCK_BYTES })).toBe(STANDBY);
    expect([await outcome(b), await outcome(c), await outcome(a)]).toEqual([STANDBY, STANDBY, GOOD]);
    for (const initiator of [a, b]) expect(await groups(initiator)).toEqual(['1 0 0', '2 2 1']);
    expect((await dataIn(a, read10(7, 1), BLOCK_BYTES)).equals(pattern(BLOCK_BYTES, 1))).toBe(true);
    await canWrite(a, 8, 3);
    await canWrite(other, 7, 4);
    expect(await setGroups(b, [2, 0])).toBe(GOOD);
    expect([await outcome(a), await outcome(b), await outcome(c)]).toEqual([STATE_CHANGED, GOOD, STATE_CHANGED]);
    expect((await dataIn(b, read10(8, 1), BLOCK_BYTES)).equals(pattern(BLOCK_BYTES, 3))).toBe(true);
    await stop();
  });

  it.each([
    ['a group that there is not', [[1, 2] as const, [9, 2] as const]],
    ['a group of another target', [[1, 2] as const, [3, 2] as const]],
    ['a state that there is not', [[1, 2] as const, [2, 14] as const]],
    ['transitioning', [[1, 2] as const, [2, 15] as const]],
    ['a group twice', [[1, 2] as const, [1, 3] as const]],
  ])('%s is refused, and nothing of the list is done or kept', async (_name, descriptors) => {
    await start();
    const [a, b] = [await login(0), await login(1)];
    expect(await setGroups(a, ...descriptors)).toBe(INVALID_FIELD_IN_LIST);
    for (const initiator of [a, b]) {
      expect(await groups(initiator)).toEqual(['1 0 0', '2 0 0']);
      expect(await outcome(initiator)).toBe(GOOD);
    }
    expect(portFiles()).toEqual([]);
    await stop();
  });

  it('a list that ends too soon changes nothing', async () => {
    await start();
    const a = await login(0);
    const dataOut = Buffer.from([0, 0, 0, 0, 2, 0, 0, 2]);
    expect(await outcome(a, maintenance(0xa4, 0x0a, 12), { dataOut })).toBe(PARAMETER_LIST_LENGTH_ERROR);
    expect(await groups(a)).toEqual(['1 0 0', '2 0 0']);
    await stop();
  });

  it('with explicit false initiators change nothing, the operator does', async () => {
    await start({ explicit: false });
    const [a, b] = [await login(0), await login(1)];
    expect(((await dataIn(a, inquiry(4096)))[5] as number) & 0x30).toBe(0x10); // TPGS: implicit
    expect(await setGroups(a, [2, 2])).toBe(INVALID_FIELD_IN_CDB);
    await reload((targets) => {
      (targets[TARGET_NAME] as { alua?: object }).alua = { explicit: false, groups: { '2': { state: 'standby' } } };
    });
    for (const initiator of [a, b]) await expectSoonTold(initiator, STATE_CHANGED);
    expect(await outcome(b)).toBe(STANDBY);
    await stop();
  });

  it('SIGHUP takes a state over, for the target that it is changed of', async () => {
    await start();
    const [a, b, other] = [await login(0), await login(1), await login(1, OTHER)];
    await reloadStates(TARGET_NAME, { '2': { state: 'unavailable' }, '1': { preferred: true } });
    for (const initiator of [a, b]) await expectSoonTold(initiator, STATE_CHANGED);
    expect([await outcome(a), await outcome(b), await outcome(other)]).toEqual([GOOD, UNAVAILABLE, GOOD]);
    expect(await groups(a)).toEqual(['1! 0 0', '2 3 2']);
    expect(await groups(other)).toEqual(['3 0 0', '4 0 0']);
    await reloadStates(OTHER, { '6': { state: 'standby' } });
    await expectSoonTold(other, STATE_CHANGED);
    expect([await outcome(a), await outcome(b), await outcome(other)]).toEqual([GOOD, UNAVAILABLE, STANDBY]);
    await stop();
  });

  it('what an initiator has set stays until another state is configured', async () => {
    await start();
    const [a, b] = [await login(0), await login(1)];
    expect(await setGroups(a, [2, 2])).toBe(GOOD);
    expect(await outcome(b)).toBe(STATE_CHANGED);
    await reloadStates(TARGET_NAME, { '2': { state: 'active/optimized', preferred: true } });
    expect(await groups(a)).toEqual(['1 0 0', '2! 2 1']);
    expect([await outcome(a), await outcome(b)]).toEqual([GOOD, STANDBY]);
    await reloadStates(TARGET_NAME, { '2': { state: 'active/non-optimized' } });
    await expectSoonTold(a, STATE_CHANGED);
    expect(await groups(a)).toEqual(['1 0 0', '2 1 2']);
    await stop();
  });

  it.each([
    { way: 'SIGTERM', end: stop },
    { way: 'SIGKILL', end: () => daemon.kill() },
  ])('what an initiator has set is there after a restart ($way)', async ({ end }) => {
    await start();
    const a = await login(0);
    expect(await setGroups(a, [1, 1], [2, 3])).toBe(GOOD);
    await end();
    await closeAll();
    await start();
    const [again, b] = [await login(0), await login(1)];
    expect(await groups(again)).toEqual(['1 1 1', '2 3 1']);
    expect(await outcome(b)).toBe(UNAVAILABLE);
    expect(((await dataIn(b, inquiry(4096)))[0] as number) >>> 5).toBe(1); // PERIPHERAL QUALIFIER
    await canWrite(again, 3, 5);
    expect(await setGroups(b, [2, 0])).toBe(GOOD);
    expect(await outcome(again)).toBe(STATE_CHANGED);
    await canWrite(b, 4, 6);
    await stop();
    expect(portFiles()).toHaveLength(1);
  });

  it('a state that is configured meanwhile takes its place, for good', async () => {
    await start();
    expect(await setGroups(await login(0), [2, 3])).toBe(GOOD);
    await stop();
    await start({ groups: { '2': { state: 'active/non-optimized' } } });
    expect(await groups(await login(0))).toEqual(['1 0 0', '2 1 0']);
    await stop();
    await start();
    expect(await groups(await login(0))).toEqual(['1 0 0', '2 0 0']);
    await stop();
  });

  it('a change that cannot be kept is refused, and nothing of it is done', async () => {
    await start();
    const [a, b] = [await login(0), await login(1)];
    expect(await setGroups(a, [2, 1])).toBe(GOOD);
    expect(await outcome(b)).toBe(STATE_CHANGED);
    const [file] = portFiles() as [string];
    const obstacle = folder.join(`state/${file}.tmp`);
    mkdirSync(obstacle);
    expect(await setGroups(a, [1, 1], [2, 2])).toBe(COMMAND_FAILED);
    for (const initiator of [a, b]) {
      expect(await groups(initiator)).toEqual(['1 0 0', '2 1 1']);
      expect(await outcome(initiator)).toBe(GOOD);
      await canWrite(initiator, 9, 7);
    }
    rmdirSync(obstacle);
    expect(await setGroups(a, [1, 1], [2, 2])).toBe(GOOD);
    expect(await outcome(b)).toBe(STATE_CHANGED);
    expect(await groups(b)).toEqual(['1 1 1', '2 2 1']);
    const faults = await stopAfterFault();
    expect(faults.map(({ msg }) => msg)).toEqual([expect.stringContaining(`${file}: the access states`)]);
  });

  it('a damaged file stops the start, with words for the operator', async () => {
    await start();
    expect(await setGroups(await login(0), [2, 2])).toBe(GOOD);
    await stop();
    const file = folder.join(`state/${portFiles()[0]}`);
    writeFileSync(file, readFileSync(file, 'utf8').replace('standby', 'stand'));
    daemon = DaemonProcess.launch(folder, setup());
    expect(await daemon.ended).toBe(1);
    expect(daemon.stderr + daemon.logText()).toContain(file);
    expect(daemon.stderr + daemon.logText()).toContain('is damaged; restore it from a backup');
  });

  it('writes that come while a portal opens and closes are done whole or refused', async () => {
    await start();
    const [a, b] = [await login(0), await login(1)];
    const isWritten: boolean[] = [];
    let isOver = false;
    const writing = (async () => {
      for (let lba = 0; !isOver && lba < 2000; lba++) {
        const code = await outcome(b, write10(lba, 1), { dataOut: pattern(BLOCK_BYTES, 1000 + lba) });
        expect([GOOD, STANDBY, TRANSITION, STATE_CHANGED]).toContain(code);
        isWritten.push(code === GOOD);
      }
    })();
    for (let round = 0; round < 20; round++) expect(await setGroups(a, [2, round % 2 === 0 ? 2 : 0])).toBe(GOOD);
    isOver = true;
    await writing;
    expect(new Set(isWritten).size).toBe(2);
    for (const [lba, isThere] of isWritten.entries()) {
      const expected = isThere ? pattern(BLOCK_BYTES, 1000 + lba) : Buffer.alloc(BLOCK_BYTES);
      expect((await dataIn(a, read10(lba, 1), BLOCK_BYTES)).equals(expected)).toBe(true);
    }
    await stop();
  });
}
