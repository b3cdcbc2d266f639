/**
 * A daemon with two reactors in threads of their own, as initiators see it: no different from one. Targets that share a storage
 * are on one reactor, here `disk` and `shared`; `other` is on the second.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  LOGIN_AUTHENTICATION_FAILURE,
  LOGIN_OUT_OF_RESOURCES,
  LOGIN_SESSION_DOES_NOT_EXIST,
  LOGIN_TARGET_MOVED_TEMPORARILY,
  LOGIN_TARGET_NOT_FOUND,
} from '../../src/iscsi/codec/constants.ts';
import { read10, synchronizeCache10, write10 } from '../initiator/cdb.ts';
import { ChapScript } from '../initiator/chap-script.ts';
import { pattern as patternBytes } from '../initiator/pattern.ts';
import { describeNative } from '../native/native-suite.ts';
import { waitUntil } from '../patience.ts';
import { clientOutput } from './client-command.ts';
import { DaemonProcess, type DaemonSetup, type LogLine, TestFolder } from './daemon-process.ts';
import { TcpInitiator } from './tcp-initiator.ts';

const CRASH = fileURLToPath(new URL('thread-crash.cjs', import.meta.url));
/** sysexits.h EX_SOFTWARE. */
const EXIT_BUG = 70;
const DISK = 'iqn.2026-11.org.example:disk';
const SHARED = 'iqn.2026-11.org.example:shared';
const OTHER = 'iqn.2026-11.org.example:other';
/** LUN 5, the first four bytes. */
const SHARED_LUN_HIGH = 5 << 16;
const BLOCK_BYTES = 512;
const CAPACITY_DATA_HAS_CHANGED = 0x062a09;
const CHAP = { user: 'someone', secret: 'what-only-we-know' };
const CHAP_TARGET = { user: 'target', secret: 'and-this-it-answers' };

const folders: TestFolder[] = [];
let folder: TestFolder;
let daemon: DaemonProcess;
let open: TcpInitiator[] = [];

beforeEach(() => {
  folder = new TestFolder();
  folders.push(folder);
});

afterEach(async () => {
  for (const initiator of open) await initiator.close();
  open = [];
});

afterAll(() => {
  for (const each of folders) each.dispose();
});

/** @param targets by name, further keys of each @param keys further keys of the whole */
function setup(targets: Record<string, object> = {}, keys: object = {}, wrapper: readonly string[] = []): DaemonSetup {
  const disks = ['file', 'iouring'].map((scheme, index) => ({ scheme, fileName: `${index}.img`, size: '16MiB' }));
  const iscsitargets = {
    [DISK]: { luns: { '0': 0 }, ...targets[DISK] },
    [OTHER]: { luns: { '0': 1 }, ...targets[OTHER] },
    [SHARED]: { luns: { '5': 0 }, ...targets[SHARED] },
  };
  return { disks, wrapper, keys: { iscsitargets, performance: { reactors: 2 }, ...keys } };
}

async function start(...args: Parameters<typeof setup>): Promise<void> {
  daemon = await DaemonProcess.start(folder, setup(...args));
}

async function login(targetName: string, settings = {}, options = {}): Promise<TcpInitiator> {
  const initiator = await TcpInitiator.open(daemon.address, { targetName, ...settings }, options);
  open.push(initiator);
  await clearAttention(initiator, targetName === SHARED ? SHARED_LUN_HIGH : 0);
  return initiator;
}

/** TEST UNIT READY: a new nexus is told once what has happened to the unit. */
async function clearAttention(initiator: TcpInitiator, lunHigh: number): Promise<void> {
  const tasks = [];
  for (let i = 0; i < 2; i++) tasks.push(await initiator.execute(Buffer.alloc(16), { lunHigh }));
  expect(tasks[1]?.status).toBe(0);
}

/** The status of a login that is refused. */
async function refusal(targetName: string, settings = {}, options = {}): Promise<number> {
  const initiator = new TcpInitiator(daemon.address, { targetName, ...settings });
  open.push(initiator);
  const connection = await initiator.connect(options);
  expect(connection.isOpen).toBe(false);
  return connection.loginStatus;
}

/** The initiators first: the daemon need not wait for them to log out. */
async function finish(): Promise<void> {
  for (const initiator of open.splice(0)) await initiator.close();
  await daemon.stop();
}

function pattern(seed: number, blocks: number): Buffer {
  return patternBytes(blocks * BLOCK_BYTES, seed);
}

async function write(initiator: TcpInitiator, lba: number, dataOut: Buffer, options = {}): Promise<void> {
  const task = await initiator.execute(write10(lba, dataOut.length / BLOCK_BYTES), { dataOut, ...options });
  expect([task.status, task.senseCode]).toEqual([0, -1]);
}

async function read(initiator: TcpInitiator, lba: number, blocks: number, options = {}): Promise<Buffer> {
  const task = await initiator.execute(read10(lba, blocks), { dataIn: blocks * BLOCK_BYTES, ...options });
  expect([task.status, task.senseCode]).toEqual([0, -1]);
  return task.dataIn;
}

/** The reactor of each session that was opened, by target. */
async function reactors(sessions: number): Promise<Record<string, unknown>> {
  const opened = await daemon.loggedSoon('session opened', sessions);
  return Object.fromEntries(opened.map(({ target, reactor }) => [target, reactor]));
}

async function reload(
  change: (document: { iscsitargets: Record<string, object>; storages: object[] }) => void,
): Promise<void> {
  const file = folder.join('config-any.json');
  const document = JSON.parse(readFileSync(file, 'utf8'));
  change(document);
  writeFileSync(file, JSON.stringify(document));
  const isRead = ({ msg }: LogLine) => msg.startsWith('the configuration was read again');
  const before = daemon.log.filter(isRead).length;
  daemon.signal('SIGHUP');
  await waitUntil('the configuration was read again', () => daemon.log.filter(isRead).length > before);
}

describeNative('two reactors', () => {
  it('serve each target by one of them, and those that share a storage by the same', async () => {
    await start();
    for (const name of [DISK, OTHER, SHARED]) await login(name);
    expect(await reactors(3)).toEqual({ [DISK]: 1, [OTHER]: 2, [SHARED]: 1 });
    expect(new Set(daemon.logged('session opened').map(({ tsih }) => tsih)).size).toBe(3);
    await finish();
  });

  it('are one node to discovery, with the port that was chosen', async () => {
    await start();
    const list = await clientOutput(folder, 'iscsi-ls', ['-s', daemon.portalUrl]);
    for (const name of [DISK, OTHER, SHARED]) expect(list).toContain(`Target:${name} Portal:${daemon.address},1`);
    expect(list.match(/^Lun:/gm)).toHaveLength(3);
    await finish();
  });

  it('keep data apart and, on one storage, together', async () => {
    await start();
    const [disk, other, shared] = [await login(DISK), await login(OTHER), await login(SHARED)];
    await write(disk, 8, pattern(1, 512));
    await write(other, 8, pattern(2, 512));
    expect((await read(shared, 8, 512, { lunHigh: SHARED_LUN_HIGH })).equals(pattern(1, 512))).toBe(true);
    expect((await read(other, 8, 512)).equals(pattern(2, 512))).toBe(true);
    await finish();
    expect(
      readFileSync(folder.join('0.img'))
        .subarray(8 * BLOCK_BYTES, 520 * BLOCK_BYTES)
        .equals(pattern(1, 512)),
    ).toBe(true);
    expect(
      readFileSync(folder.join('1.img'))
        .subarray(8 * BLOCK_BYTES, 520 * BLOCK_BYTES)
        .equals(pattern(2, 512)),
    ).toBe(true);
  });

  it.each([1, 47, 48, 49, 100])(
    'take over a connection whose login comes in pieces of %i bytes',
    async (bytesPerWrite) => {
      await start();
      const initiator = await login(OTHER, { hasSecurityStage: true }, { bytesPerWrite });
      await write(initiator, 0, pattern(3, 1));
      expect((await read(initiator, 0, 1)).equals(pattern(3, 1))).toBe(true);
      await finish();
    },
  );

  it.each([8, 40])(
    'take over a connection whose first text comes in Login Requests of %i bytes',
    async (loginSegmentBytes) => {
      await start();
      const initiator = await login(OTHER, { loginSegmentBytes, hasHeaderDigest: true, hasDataDigest: true });
      await write(initiator, 0, pattern(4, 64));
      expect((await read(initiator, 0, 64)).equals(pattern(4, 64))).toBe(true);
      await finish();
    },
  );

  it('find the session that a further connection joins, and no other', async () => {
    const many = { negotiation: { maxConnections: 4 } };
    await start({ [OTHER]: many, [DISK]: many });
    const initiator = await login(OTHER, { maxConnections: 4 });
    const second = await initiator.connect({ settings: { cid: 1, isLeading: false } });
    expect(second.isOpen).toBe(true);
    await write(initiator, 0, pattern(5, 64), { connection: second });
    expect((await read(initiator, 0, 64)).equals(pattern(5, 64))).toBe(true);
    const elsewhere = new TcpInitiator(daemon.address, { targetName: DISK, maxConnections: 4 });
    open.push(elsewhere);
    elsewhere.session.tsih = initiator.session.tsih;
    const stranger = await elsewhere.connect({ settings: { cid: 1, isLeading: false } });
    expect(stranger.loginStatus).toBe(LOGIN_SESSION_DOES_NOT_EXIST);
    await finish();
  });

  it('let a new login take the place of the old session', async () => {
    await start();
    const first = await login(OTHER);
    await write(first, 0, pattern(6, 1));
    const second = await login(OTHER);
    expect((await read(second, 0, 1)).equals(pattern(6, 1))).toBe(true);
    await waitUntil('the old session is closed', () => !first.session.isOpen);
    await finish();
  });

  it('count the sessions of a target, and log a refused initiator once a minute', async () => {
    await start({}, { limits: { sessionsPerInitiator: 1 } });
    for (const name of [DISK, OTHER]) {
      await login(name, { isidLow: 1 });
      expect(await refusal(name, { isidLow: 2 })).toBe(LOGIN_OUT_OF_RESOURCES);
    }
    expect(await refusal('iqn.2026-11.org.example:none')).toBe(LOGIN_TARGET_NOT_FOUND);
    expect(await daemon.loggedSoon('login refused')).toHaveLength(1);
    await finish();
  });

  it('follow a redirection that is taken over by SIGHUP', async () => {
    await start();
    const initiator = await login(OTHER);
    await reload(({ iscsitargets }) => {
      iscsitargets[OTHER] = { ...iscsitargets[OTHER], redirect: { portal: '192.0.2.1:3260' } };
    });
    expect(await refusal(OTHER)).toBe(LOGIN_TARGET_MOVED_TEMPORARILY);
    await waitUntil('the initiator is asked to log out', () => initiator.session.asyncMessages.length > 0);
    await login(DISK);
    await reload(({ iscsitargets }) => {
      iscsitargets[OTHER] = { luns: { '0': 1 } };
    });
    await login(OTHER);
    await finish();
  });

  it('authenticate by CHAP, both ways, and refuse a wrong secret', async () => {
    const auth = { users: [CHAP], mutual: CHAP_TARGET };
    await start({ [OTHER]: { auth } });
    const secure = { hasSecurityStage: true };
    const initiator = await login(OTHER, secure, { security: new ChapScript(CHAP, { target: CHAP_TARGET }) });
    await write(initiator, 0, pattern(7, 1));
    const wrong = { ...CHAP, secret: 'what-others-guess' };
    expect(await refusal(OTHER, secure, { security: new ChapScript(wrong) })).toBe(LOGIN_AUTHENTICATION_FAILURE);
    await login(DISK);
    await finish();
  });

  it("know each other's CHAP challenges: one of them cannot be reflected at the other", async () => {
    const auth = { users: [CHAP], mutual: CHAP_TARGET };
    await start({ [DISK]: { auth }, [OTHER]: { auth } });
    const secure = { hasSecurityStage: true };
    const asking = new TcpInitiator(daemon.address, { targetName: DISK, ...secure });
    open.push(asking);
    let challenge: string | undefined;
    const first = new ChapScript(CHAP);
    const listening = {
      next: (answers: ReadonlyMap<string, string>) => {
        challenge = answers.get('CHAP_C');
        // With a challenge in hand it says no more.
        if (challenge !== undefined) for (const connection of asking.session.connections) connection.tamper = () => [];
        return first.next(answers);
      },
    };
    const asked = asking.connect({ security: listening });
    await waitUntil('the target challenges', () => challenge !== undefined);
    const second = new ChapScript(CHAP, { target: CHAP_TARGET });
    const reflecting = {
      next: (answers: ReadonlyMap<string, string>) =>
        second.next(answers)?.map((pair) => (pair.key === 'CHAP_C' ? { ...pair, value: challenge as string } : pair)) ??
        null,
    };
    expect(await refusal(OTHER, secure, { security: reflecting })).toBe(LOGIN_AUTHENTICATION_FAILURE);
    expect(await daemon.loggedSoon('login refused')).toMatchObject([
      { reason: 'the initiator reflects a challenge of ours' },
    ]);
    await asking.close();
    expect((await asked).isOpen).toBe(false);
    await finish();
  });

  it('take over a larger size by SIGHUP, and tell the initiator', async () => {
    await start();
    const initiator = await login(OTHER);
    await reload(({ storages }) => {
      (storages[1] as { size: string }).size = '17MiB';
    });
    const lba = 16 * 2048;
    await waitUntil('the disk is larger', () => statSync(folder.join('1.img')).size === 17 * 1048576);
    const told = await initiator.execute(Buffer.alloc(16));
    expect(told.senseCode).toBe(CAPACITY_DATA_HAS_CHANGED);
    await write(initiator, lba, pattern(9, 1));
    expect((await read(initiator, lba, 1)).equals(pattern(9, 1))).toBe(true);
    await finish();
  });

  it('end in order on SIGTERM, with everything on the disk that was acknowledged', async () => {
    await start();
    const initiators = [await login(DISK), await login(OTHER)];
    const acknowledged = [0, 0];
    const streams = initiators.map(async (initiator, index) => {
      for (let lba = 0; initiator.session.isOpen; lba++) {
        const task = await initiator.execute(write10(lba, 1), { dataOut: pattern(100 + lba, 1) });
        if (task.status !== 0) return;
        acknowledged[index] = lba + 1;
      }
    });
    await waitUntil('both write', () => acknowledged.every((count) => count > 20));
    await Promise.all([daemon.stop(), ...streams]);
    for (const [index, count] of acknowledged.entries()) {
      const image = readFileSync(folder.join(`${index}.img`));
      for (let lba = 0; lba < count; lba++) {
        expect(image.subarray(lba * BLOCK_BYTES, (lba + 1) * BLOCK_BYTES).equals(pattern(100 + lba, 1))).toBe(true);
      }
    }
  });

  it('start all or none: a storage that cannot be opened names its key', async () => {
    const failing = setup();
    const storages = [
      { deviceID: 0, path: `file:${folder.join('0.img')}`, size: '16MiB' },
      { deviceID: 1, path: `file:${folder.join('not/there/1.img')}`, size: '16MiB' },
    ];
    daemon = DaemonProcess.launch(folder, { ...failing, keys: { ...failing.keys, storages } });
    expect(await daemon.ended).toBe(1);
    expect(daemon.stderr).toMatch(/^ {2}key: {3}storages\[1\]\.path$/m);
    expect(daemon.addresses).toEqual([]);
  });

  it.each(['exception', 'exit', 'memory'])('end the daemon when one of them ends by %s', async (way) => {
    const trigger = folder.join('crash');
    const options = `NODE_OPTIONS=--require ${CRASH} --max-old-space-size=64`;
    await start({}, {}, ['env', options, `CRASH_FILE=${trigger}`, `CRASH_WAY=${way}`]);
    const initiator = await login(DISK);
    await write(initiator, 0, pattern(8, 1));
    expect((await initiator.execute(synchronizeCache10())).status).toBe(0);
    writeFileSync(trigger, '');
    expect(await daemon.ended).toBe(EXIT_BUG);
    const fatal = daemon.log.filter(({ level }) => level >= 60);
    expect(fatal).toMatchObject([{ reactor: 2 }]);
    expect(fatal[0]?.msg).toContain('a reactor has ended');
    expect(existsSync(folder.join('0.img'))).toBe(true);
    expect(readFileSync(folder.join('0.img')).subarray(0, BLOCK_BYTES).equals(pattern(8, 1))).toBe(true);
  });
});

describe('without the addon', () => {
  it.each([
    { title: 'every target', keys: {}, names: [DISK, OTHER] },
    { title: 'the only one', keys: { iscsitargets: { [DISK]: { luns: { '0': 0 } } } }, names: [DISK] },
  ])('the main thread serves $title, and says so', async ({ keys, names }) => {
    await start({}, keys, ['env', 'GOTGT_NATIVE=off']);
    for (const name of names) await login(name);
    expect(await reactors(names.length)).toEqual(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(daemon.log.some(({ msg }) => msg.includes('connections cannot be handed over'))).toBe(true);
    await finish();
  });
});
