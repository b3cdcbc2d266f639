/**
 * The disks of the tuning experiments: files made in the ways that files are made, on the file system of the benchmark's
 * folder and on tmpfs, and loop devices. A disk that was made is used by the next experiment again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PIECE_BYTES, settleDisk, writeDisk } from '../macro/disk.mjs';

const DISK_BYTES = 128 << 20;
/** So large that the writes of a whole run hit few places twice. */
const SPARSE_BYTES = 4 * 2 ** 30;
const TMPFS = '/dev/shm';
const HUGE_PAGES = '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages';
/** As many as a reactor's data memory of 64 MiB takes. */
const HUGE_PAGES_MIN = 32;

/** What a setting may need: why this machine cannot do it, or null when it can. */
const NEEDS = {
  tmpfs: () => (existsSync(TMPFS) ? null : `there is no ${TMPFS}`),
  loop: () => (process.getuid() === 0 && spawnSync('losetup', ['-f']).status === 0 ? null : 'loop devices want root'),
  polling: (dir) => (canPoll(dir) ? null : 'the device below the benchmark has no queue to poll'),
  hugePages: () => (freeHugePages() >= HUGE_PAGES_MIN ? null : 'there are no free huge pages (vm.nr_hugepages)'),
};

/** @returns why a setting with these needs cannot be measured with disks in `dir`, or null */
export function missing({ needs }, dir) {
  return needs === undefined ? null : NEEDS[needs](dir);
}

/** Type of the file system that `dir` is on, as mount(8) names it. */
export function fileSystemOf(dir) {
  return execFileSync('findmnt', ['-n', '-o', 'FSTYPE', '-T', dir], { encoding: 'utf8' }).trim();
}

export class Disks {
  #dir;
  #tmpfs = null;
  #loops = new Map();

  constructor(dir) {
    this.#dir = dir;
    process.on('exit', () => this.#removeAll());
  }

  /** The path of the disk number `number` of a kind; it is made when it is not there yet. */
  take(kind, number, readAheadKiB) {
    if (kind === 'loop') return this.#takeLoop(number, readAheadKiB);
    const path = join(kind === 'tmpfs' ? this.#tmpfsDir() : this.#dir, `${kind}-${number}.img`);
    if (!existsSync(path)) make(kind, path);
    return path;
  }

  /** Nothing of it is dirty; with `isCold` nothing of it is in the page cache either. */
  prepare(path, isCold) {
    settleDisk(path);
    if (!isCold) return;
    for (const each of [path, this.#loops.get(path)]) {
      if (each !== undefined) execFileSync('dd', [`if=${each}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
    }
  }

  #tmpfsDir() {
    this.#tmpfs ??= mkdtempSync(join(TMPFS, 'gotgt-tuning-'));
    return this.#tmpfs;
  }

  #takeLoop(number, readAheadKiB = 128) {
    const file = this.take('small', `loop-${number}`);
    const device = [...this.#loops].find(([, behind]) => behind === file)?.[0] ?? this.#attach(file);
    writeFileSync(`/sys/block/${basename(device)}/queue/read_ahead_kb`, `${readAheadKiB}`);
    return device;
  }

  #attach(file) {
    const device = execFileSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).trim();
    this.#loops.set(device, file);
    return device;
  }

  #removeAll() {
    for (const device of this.#loops.keys()) spawnSync('losetup', ['-d', device]);
    if (this.#tmpfs !== null) rmSync(this.#tmpfs, { recursive: true, force: true });
  }
}

function make(kind, path) {
  if (kind === 'small' || kind === 'tmpfs') writeDisk(path, PIECE_BYTES.small, DISK_BYTES);
  else if (kind === 'large') writeDisk(path, PIECE_BYTES.large, DISK_BYTES);
  else if (kind === 'allocated') execFileSync('fallocate', ['-l', `${DISK_BYTES}`, path]);
  else if (kind === 'sparse') makeSparse(path);
  else throw new Error(`no such disk: ${kind}`);
}

function makeSparse(path) {
  writeFileSync(path, '');
  truncateSync(path, SPARSE_BYTES);
}

/** Whether the device of the file system that `dir` is on, or the disk that it is a part of, says that it can be polled. */
function canPoll(dir) {
  const device = execFileSync('findmnt', ['-n', '-o', 'MAJ:MIN', '-T', dir], { encoding: 'utf8' }).trim();
  const attributes = ['queue/io_poll', '../queue/io_poll'].map((name) => `/sys/dev/block/${device}/${name}`);
  const attribute = attributes.find((path) => existsSync(path));
  return attribute !== undefined && readFileSync(attribute, 'utf8').trim() === '1';
}

function freeHugePages() {
  return existsSync(HUGE_PAGES) ? Number(readFileSync(HUGE_PAGES, 'utf8')) : 0;
}
