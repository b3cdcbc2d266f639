/**
 * Starts and stops the servers that are measured. Everything started here is killed when this process ends, whatever the reason.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const DAEMON = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const TARGET = 'iqn.2026-11.org.example:bench';
const START_MS = 10000;
const NULL_BYTES = 2 ** 30;
const SMALL_BYTES = 2 ** 26;
/** tgtd -C takes no more. */
const CONTROL_PORT_MAX = 32767;

/**
 * What can be started. `disk`: whose copy of the disks it serves, null for none. Our own daemons lock theirs, so two of
 * them cannot have the same; the others do not ask.
 */
export const SERVERS = {
  null: { title: 'gotgt-native, null', disk: null, start: (context) => startOurs(context, 'null', 'null', {}) },
  file: {
    title: 'gotgt-native, file',
    disk: 'file',
    start: (context) => startOurs(context, 'file', 'file', {}),
  },
  iouring: {
    title: 'gotgt-native, iouring',
    disk: 'iouring',
    start: (context) => startOurs(context, 'iouring', 'iouring', {}),
  },
  'iouring-direct': {
    title: 'gotgt-native, iouring, O_DIRECT',
    disk: 'iouring-direct',
    isUncached: true,
    start: (context) => startOurs(context, 'iouring-direct', 'iouring', { direct: true, blockShift: 12 }),
  },
  tgtd: { title: 'tgtd (Debian)', disk: 'iouring', start: startTgtd },
  floor: { title: 'floor (C, no checks)', disk: 'iouring', start: startFloor },
};

const children = new Set();
const leftovers = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const path of leftovers) rmSync(path, { force: true });
});

/**
 * @param name a key of SERVERS
 * @param context { dir, disks, floor }: folder for logs, paths of the disks by name, path of the floor program
 * @returns { name, pid, port, target, luns }: `luns` by the disks' names
 */
export async function startServer(name, context) {
  const started = await SERVERS[name].start(context);
  return { name, ...started };
}

/** True when Debian's tgtd is installed and may be started (it wants root for its control socket). */
export function hasTgtd() {
  return process.getuid() === 0 && spawnSync('tgtd', ['--version']).error === undefined;
}

export function stopServers() {
  for (const child of children) child.kill('SIGTERM');
}

/** Ends one server; resolves when it has gone and its locks with it. */
export async function stopServer(pid) {
  const child = [...children].find((candidate) => candidate.pid === pid);
  if (child === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

async function startOurs({ dir, disks }, name, scheme, options) {
  const isNull = scheme === 'null';
  const storages = isNull
    ? [{ deviceID: 0, path: 'null:', size: NULL_BYTES }]
    : Object.values(disks).map((disk, deviceID) => ({ deviceID, path: `${scheme}:${disk}`, ...options }));
  const luns = Object.fromEntries(storages.map(({ deviceID }) => [deviceID, deviceID]));
  const config = {
    storages,
    iscsiportals: [{ id: 0, portal: '127.0.0.1:0' }],
    iscsitargets: { [TARGET]: { tpgts: { 1: [0] }, luns } },
  };
  const { pid, port } = await startDaemon(dir, name, config);
  const shared = Object.fromEntries(Object.keys(disks).map((disk) => [disk, 0]));
  return { pid, port, target: TARGET, luns: isNull ? shared : numbered(disks, 0) };
}

/**
 * One of our daemons with a configuration as it stands in the file; its portal has port 0.
 * @param how { nodeFlags, daemonFlags, env, prefix }: more options of Node.js and of the daemon, more environment, and what
 *   stands before it all, such as taskset
 * @returns { pid, port }
 */
export async function startDaemon(dir, name, config, how = {}) {
  const configFile = join(dir, `${name}.json`);
  writeFileSync(configFile, JSON.stringify(config));
  const { nodeFlags = [], daemonFlags = [], env = {}, prefix = [] } = how;
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const state = join(dir, `${name}-state`);
  const node = [process.execPath, ...flags, ...nodeFlags];
  const daemon = [DAEMON, 'daemon', '--config', configFile, '--state-dir', state, ...daemonFlags];
  const [program, ...args] = [...prefix, ...node, ...daemon];
  const child = launch(program, args, { dir, name, env });
  const found = await waitForLog(child, /"address":"127\.0\.0\.1:(\d+)"/);
  return { pid: child.process.pid, port: Number(found[1]) };
}

/**
 * One of our daemons with a target for each of `paths`, storages as the configuration names them, on `reactors` reactors.
 * @returns one server for each target, all of one process
 */
export async function startReactors({ dir }, paths, reactors) {
  const config = {
    storages: paths.map((path, deviceID) => ({ deviceID, path, size: SMALL_BYTES })),
    iscsiportals: [{ id: 0, portal: '127.0.0.1:0' }],
    iscsitargets: Object.fromEntries(paths.map((_, id) => [`${TARGET}${id}`, { luns: { 0: id } }])),
    performance: { reactors },
  };
  const name = `reactors-${reactors}`;
  const { pid, port } = await startDaemon(dir, name, config);
  return paths.map((_, id) => ({ name, pid, port, target: `${TARGET}${id}`, luns: { small: 0 } }));
}

/** One of our daemons with `count` targets of one null store each: { pid, port, target, luns, startMs }. */
export async function startMany({ dir }, count) {
  const ids = Array.from({ length: count }, (_, id) => id);
  const config = {
    storages: ids.map((deviceID) => ({ deviceID, path: `null:${deviceID}`, size: NULL_BYTES })),
    iscsiportals: [{ id: 0, portal: '127.0.0.1:0' }],
    iscsitargets: Object.fromEntries(ids.map((id) => [`${TARGET}${id}`, { tpgts: { 1: [0] }, luns: { 0: id } }])),
  };
  const start = performance.now();
  const { pid, port } = await startDaemon(dir, 'many', config);
  return { name: 'many', pid, port, target: `${TARGET}0`, luns: { small: 0 }, startMs: performance.now() - start };
}

async function startFloor({ dir, disks, floor }) {
  const child = launch(floor, ['0', ...Object.values(disks)], { dir, name: 'floor' });
  const found = await waitForLog(child, /listening (\d+)/);
  return { pid: child.process.pid, port: Number(found[1]), target: TARGET, luns: numbered(disks, 0) };
}

/** LUNs from `first` on, by the disks' names. */
function numbered(disks, first) {
  return Object.fromEntries(Object.keys(disks).map((disk, index) => [disk, first + index]));
}

async function startTgtd({ dir, disks }) {
  const port = await freePort();
  const control = String(1 + (port % CONTROL_PORT_MAX)); // any number that no other tgtd uses
  const socket = `/var/run/tgtd/socket.${control}`;
  leftovers.add(socket).add(`${socket}.lock`);
  const child = launch('tgtd', ['-f', '-C', control, '--iscsi', `portal=127.0.0.1:${port}`], { dir, name: 'tgtd' });
  const admin = (...options) =>
    spawnSync('tgtadm', ['-C', control, '--lld', 'iscsi', ...options], { encoding: 'utf8' });
  const newTarget = ['--op', 'new', '--mode', 'target', '--tid', '1', '-T', TARGET];
  const until = Date.now() + START_MS;
  while (admin(...newTarget).status !== 0) {
    if (Date.now() > until || child.process.exitCode !== null) throw new Error(`tgtd did not start\n${child.text()}`);
    await sleep(100);
  }
  const luns = numbered(disks, 1); // LUN 0 is tgtd's own controller
  const units = Object.entries(luns).map(([name, lun]) => [
    '--op',
    'new',
    '--mode',
    'logicalunit',
    '--tid',
    '1',
    '--lun',
    `${lun}`,
    '-b',
    disks[name],
    '--bstype',
    'rdwr',
  ]);
  for (const step of [...units, ['--op', 'bind', '--mode', 'target', '--tid', '1', '-I', 'ALL']]) {
    const result = admin(...step);
    if (result.status !== 0) throw new Error(`tgtadm: ${result.stderr}`);
  }
  return { pid: child.process.pid, port, target: TARGET, luns };
}

function launch(program, args, { dir, name, env = {} }) {
  const log = join(dir, `${name}.log`);
  const fd = openSync(log, 'w');
  const child = spawn(program, args, { stdio: ['ignore', fd, fd], env: { ...process.env, ...env } });
  closeSync(fd);
  children.add(child);
  child.on('exit', () => children.delete(child));
  child.on('error', () => children.delete(child)); // waitForLog tells it
  return { process: child, text: () => readFileSync(log, 'utf8') };
}

async function waitForLog(child, pattern) {
  const until = Date.now() + START_MS;
  for (;;) {
    const found = pattern.exec(child.text());
    if (found !== null) return found;
    const isGone = child.process.exitCode !== null || child.process.pid === undefined;
    if (isGone || Date.now() > until) throw new Error(`${child.process.spawnfile} did not start\n${child.text()}`);
    await sleep(20);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
