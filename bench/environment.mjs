/** Where and with what a benchmark ran. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export function environment() {
  const cpus = os.cpus();
  return {
    date: new Date().toISOString(),
    commit: text('git', ['-C', ROOT, 'rev-parse', 'HEAD']),
    isClean: text('git', ['-C', ROOT, 'status', '--porcelain', '--', 'src', 'native', 'bench/macro']) === '',
    kernel: os.release(),
    cpu: cpus[0].model.trim(),
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.versions.node,
    libiscsi: text('pkg-config', ['--modversion', 'libiscsi']),
    tgt: text('tgtd', ['--version']),
    loadAverage: os.loadavg()[0],
  };
}

/** Jiffies of all CPUs: { busy, total, steal }. Two of them tell how busy the machine was in between. */
export function machineTime() {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, field) => sum + field, 0);
  return { busy: total - fields[3] - fields[4], total, steal: fields[7] };
}

function text(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch (error) {
    if (error.code === 'ENOENT' || typeof error.status === 'number') return 'unknown'; // not installed, or not a checkout
    throw error;
  }
}
