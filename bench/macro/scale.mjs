/** What many targets and many idle sessions cost: time to listen, resident memory of the daemon, memory per session. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startMany } from './servers.mjs';

const TARGETS = 1000;
const SESSIONS = 1000;
/** How long the sessions stay; the measurement takes less. */
const IDLE_S = 60;

/** To be reached, and what each figure is called in a report. */
export const SCALE_TARGETS = [
  {
    field: 'listenMs',
    title: `${TARGETS} targets with a logical unit each: listening after`,
    unit: 'ms',
    atMost: 2000,
  },
  { field: 'residentMiB', title: `${TARGETS} targets: resident memory`, unit: 'MiB', atMost: 200 },
  { field: 'sessionKiB', title: `${SESSIONS} idle sessions: memory of each`, unit: 'KiB', atMost: 32 },
];

/**
 * @param program the load generator
 * @returns { listenMs, residentMiB, sessionKiB, loginMs }
 */
export async function measureScale(program, dir) {
  const server = await startMany({ dir }, TARGETS);
  const emptyKiB = residentKiB(server.pid);
  const { client, loginMs } = await openIdle(program, server);
  const fullKiB = residentKiB(server.pid);
  client.kill();
  process.kill(server.pid);
  return {
    listenMs: Math.round(server.startMs),
    residentMiB: Math.round(emptyKiB / 1024),
    sessionKiB: Number(((fullKiB - emptyKiB) / SESSIONS).toFixed(1)),
    loginMs: Math.round(loginMs),
  };
}

/** Resolves once all sessions are logged in. */
function openIdle(program, { port, target }) {
  const load = ['--port', `${port}`, '--target', target, '--sessions', `${SESSIONS}`, '--depth', '1', '--idle'];
  const client = spawn(program, [...load, '--seconds', `${IDLE_S}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => client.kill());
  return new Promise((resolve, reject) => {
    client.on('exit', () => reject(new Error('the idle sessions could not be opened')));
    client.stdout.once('data', (text) => resolve({ client, loginMs: JSON.parse(text).loginSeconds * 1000 }));
  });
}

function residentKiB(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}
