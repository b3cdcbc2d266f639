/**
 * A thin disk that can take no more: on a file system that is really full, a tmpfs of a few MiB, where the tests may mount
 * one, and everywhere by the limit that the kernel keeps for the files of a process (RLIMIT_FSIZE). Writes end with DATA
 * PROTECT, SPACE ALLOCATION FAILED; all else goes on, and so do writes as soon as there is room again.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { openBackend } from '../../src/backend/registry.ts';
import type { CommandOwner } from '../../src/scsi/command/command.ts';
import { ScsiCommand, STATUS_CHECK_CONDITION } from '../../src/scsi/command/command.ts';
import { DeviceServerContext } from '../../src/scsi/device-server.ts';
import { encodeLunHigh } from '../../src/scsi/lun-map.ts';
import { Nexus } from '../../src/scsi/nexus.ts';
import { TargetPorts } from '../../src/scsi/port/target-ports.ts';
import { TargetDevice } from '../../src/scsi/target-device.ts';
import { LogicalUnit } from '../../src/scsi/unit/logical-unit.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { Slot } from '../../src/util/slot-pool.ts';
import { SlotHolder } from '../../src/util/slot-pool.ts';
import { PATIENCE_MS } from '../patience.ts';
import { BackendRig } from './backend/rig.ts';

const MIB = 2 ** 20;
const FILE_SYSTEM_MIB = 8;
const FILLER_MIB = 2;
const BLOCK_BYTES = 4096;
const BLOCKS_PER_MIB = MIB / BLOCK_BYTES;
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const GOOD = 'status 0';
const NO_SPACE = '7/27/7';
const THRESHOLD_REACHED = '6/38/7';

/** One command and its data, at the port between SCSI and its transport. */
class Client implements CommandOwner {
  readonly command: ScsiCommand;
  readonly pieces: Buffer[] = [];
  readonly ended: Promise<string>;
  private readonly disk: FullDisk;
  private readonly dataOut: Buffer;
  private tellEnd: (outcome: string) => void = () => undefined;

  constructor(disk: FullDisk, dataOut: Buffer) {
    this.disk = disk;
    this.dataOut = dataOut;
    this.command = new ScsiCommand(this, disk.nexus, disk.holder);
    this.ended = new Promise((resolve) => {
      this.tellEnd = resolve;
    });
  }

  receiveDataOut(command: ScsiCommand, bufferOffset: number, lengthBytes: number): void {
    const slot = this.disk.rig.takeSlot(lengthBytes);
    this.dataOut.copy(slot.memory, slot.dataOffset, bufferOffset, bufferOffset + lengthBytes);
    this.disk.device.deliverDataOut(command, slot, bufferOffset, lengthBytes);
  }

  sendDataIn(_command: ScsiCommand, slot: Slot, lengthBytes: number): void {
    this.pieces.push(Buffer.from(slot.memory.subarray(slot.dataOffset, slot.dataOffset + lengthBytes)));
    slot.release();
  }

  onCommandDone(command: ScsiCommand): void {
    if (command.finalSlot !== null) this.sendDataIn(command, command.finalSlot, command.finalBytes);
    const { status, senseCode } = command;
    const parts = [senseCode >>> 16, (senseCode >>> 8) & 0xff, senseCode & 0xff];
    const sense = parts.map((part) => part.toString(16)).join('/');
    this.tellEnd(status === STATUS_CHECK_CONDITION ? sense : `status ${status.toString(16)}`);
  }

  get data(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

class FullDisk {
  readonly rig: BackendRig;
  readonly device: TargetDevice;
  readonly nexus = new Nexus(
    'iqn.2000-01.test:a,i,0x00023d000001',
    new TargetPorts().add('iqn.2000-01.test:disk,t,0x0001', 1),
  );
  readonly holder = new SlotHolder();
  readonly backend: Backend;
  /** How often it was said that the threshold is reached. */
  warnings = 0;
  private readonly context: DeviceServerContext;

  constructor(rig: BackendRig, backend: Backend) {
    this.rig = rig;
    this.backend = backend;
    this.context = new DeviceServerContext(rig.pool, systemClock, randomBytes);
    this.device = new TargetDevice(this.context);
    const unit = new LogicalUnit({
      uuid: '0f0e0d0c-0b0a-4908-8706-050403020100',
      backend,
      blockShift: 12,
      isReadOnly: false,
      isThin: true,
      thresholds: { availableBytes: 3 * MIB, usedPercent: 0 },
      vendor: 'GOTGT',
      product: 'DISK',
      revision: '0001',
    });
    this.device.addLogicalUnit(0, unit);
    this.device.openNexus(this.nexus);
    unit.provisioning.lookIfWatched();
  }

  /** Again after the warning of a threshold, which comes whenever the look at the file system has ended. */
  async run(cdb: readonly number[], options: { dataOut?: Buffer; dataIn?: number } = {}) {
    const result = await this.runOnce(cdb, options);
    if (result.outcome !== THRESHOLD_REACHED) return result;
    this.warnings += 1;
    return this.runOnce(cdb, options);
  }

  private async runOnce(cdb: readonly number[], options: { dataOut?: Buffer; dataIn?: number }) {
    const client = new Client(this, options.dataOut ?? Buffer.alloc(0));
    const { command } = client;
    command.cdb.set(cdb);
    command.cdbBytes = 16;
    command.lunHigh = encodeLunHigh(0);
    command.dataOutBytes = options.dataOut?.length ?? 0;
    command.dataInBytes = options.dataIn ?? 0;
    this.device.execute(command);
    return { outcome: await client.ended, client };
  }

  /** WRITE(10) of the MiB at `mib`. */
  write(mib: number, seed: number) {
    return this.run(cdb10(0x2a, mib * BLOCKS_PER_MIB), { dataOut: bytesOf(mib, seed) });
  }

  async read(mib: number): Promise<Buffer> {
    const { outcome, client } = await this.run(cdb10(0x28, mib * BLOCKS_PER_MIB), { dataIn: MIB });
    expect(outcome).toBe(GOOD);
    return client.data;
  }

  /** UNMAP of the MiB at `mib`. */
  unmap(mib: number) {
    const list = Buffer.alloc(24);
    list.writeUInt16BE(22, 0);
    list.writeUInt16BE(16, 2);
    list.writeUInt32BE(mib * BLOCKS_PER_MIB, 12);
    list.writeUInt32BE(BLOCKS_PER_MIB, 16);
    return this.run([0x42, 0, 0, 0, 0, 0, 0, 0, list.length, 0], { dataOut: list });
  }

  /** RESOURCE COUNT of what is left. */
  async available(): Promise<number> {
    const { outcome, client } = await this.run([0x4d, 0, 0x4c, 0, 0, 0, 0, 0, 255, 0], { dataIn: 255 });
    expect(outcome).toBe(GOOD);
    return client.data.readUInt32BE(8);
  }

  async end(): Promise<void> {
    await this.backend.close();
    this.context.close();
  }
}

function cdb10(operationCode: number, lba: number): number[] {
  return [operationCode, 0, 0, 0, lba >>> 8, lba & 0xff, 0, BLOCKS_PER_MIB >>> 8, BLOCKS_PER_MIB & 0xff, 0];
}

function bytesOf(mib: number, seed: number): Buffer {
  return Buffer.alloc(MIB, `${seed}:${mib};`);
}

function mountTmpfs(folder: string): boolean {
  const options = ['-t', 'tmpfs', '-o', `size=${FILE_SYSTEM_MIB}m`, 'gotgt-full', folder];
  return spawnSync('mount', options).status === 0;
}

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'gotgt-mount-'));
  const isMounted = mountTmpfs(folder);
  if (isMounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return isMounted;
}

function describeFullStore(scheme: string): void {
  let folder = '';
  let disk: FullDisk;
  const filler = () => join(folder, 'filler');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gotgt-full-'));
    expect(mountTmpfs(folder)).toBe(true);
    writeFileSync(filler(), Buffer.alloc(FILLER_MIB * MIB));
    const rig = new BackendRig(folder);
    disk = new FullDisk(rig, await openBackend(rig.spec(scheme, { blockBytes: BLOCK_BYTES }), rig.context));
    expect((await disk.run(TEST_UNIT_READY)).outcome).toBe('6/29/0');
  });

  afterEach(async () => {
    await disk.end();
    disk.rig.close();
    spawnSync('umount', [folder]);
    rmdirSync(folder);
  });

  /** Writes one MiB after the other; the first that did not go in. */
  async function fill(): Promise<number> {
    for (let mib = 0; mib < 2 * FILE_SYSTEM_MIB; mib++) {
      const { outcome, client } = await disk.write(mib, 1);
      if (outcome === GOOD) continue;
      expect(outcome).toBe(NO_SPACE);
      const { senseInformation } = client.command;
      expect(senseInformation).toBeGreaterThanOrEqual(mib * BLOCKS_PER_MIB);
      expect(senseInformation).toBeLessThan((mib + 1) * BLOCKS_PER_MIB);
      return mib;
    }
    throw new Error('the file system was never full');
  }

  it('writes are refused as DATA PROTECT; reads and overwrites go on; there is a warning before', async () => {
    const firstRefused = await fill();
    expect(firstRefused).toBeGreaterThanOrEqual(FILE_SYSTEM_MIB - FILLER_MIB - 2);
    expect(await disk.available()).toBe(0);
    expect(statfsSync(folder).bavail).toBeLessThan(BLOCKS_PER_MIB);
    for (let mib = 0; mib < firstRefused; mib++) expect((await disk.read(mib)).equals(bytesOf(mib, 1))).toBe(true);
    expect((await disk.read(2 * FILE_SYSTEM_MIB)).equals(Buffer.alloc(MIB))).toBe(true);
    expect((await disk.write(0, 2)).outcome).toBe(GOOD);
    expect((await disk.read(0)).equals(bytesOf(0, 2))).toBe(true);
    expect((await disk.write(firstRefused + 1, 2)).outcome).toBe(NO_SPACE);
    expect((await disk.run(cdb10(0x35, 0))).outcome).toBe(GOOD);
    await expect
      .poll(async () => [(await disk.run(TEST_UNIT_READY)).outcome, disk.warnings], { timeout: PATIENCE_MS })
      .toEqual([GOOD, 1]);
  });

  it('writes go in again as soon as somebody has made room, without a restart', async () => {
    const firstRefused = await fill();
    rmSync(filler());
    expect((await disk.write(firstRefused, 3)).outcome).toBe(GOOD);
    expect((await disk.read(firstRefused)).equals(bytesOf(firstRefused, 3))).toBe(true);
    expect((await disk.run(cdb10(0x35, 0))).outcome).toBe(GOOD);
  });

  it('UNMAP on a full file system gives room to other blocks', async () => {
    const firstRefused = await fill();
    expect((await disk.unmap(0)).outcome).toBe(GOOD);
    expect((await disk.unmap(1)).outcome).toBe(GOOD);
    expect((await disk.read(0)).equals(Buffer.alloc(MIB))).toBe(true);
    expect((await disk.write(firstRefused, 4)).outcome).toBe(GOOD);
  });
}

/** Of this process; the hard limit stays. */
function limitFiles(bytes: number | 'unlimited'): void {
  expect(spawnSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`]).status).toBe(0);
}

function describeLimitedFile(scheme: string): void {
  const LIMIT_MIB = 4;

  it('writes past the limit of a file are refused as DATA PROTECT, until the limit is lifted', async () => {
    const rig = new BackendRig();
    const disk = new FullDisk(rig, await openBackend(rig.spec(scheme, { blockBytes: BLOCK_BYTES }), rig.context));
    expect((await disk.run(TEST_UNIT_READY)).outcome).toBe('6/29/0');
    limitFiles(LIMIT_MIB * MIB);
    try {
      expect((await disk.write(LIMIT_MIB - 1, 1)).outcome).toBe(GOOD);
      expect((await disk.write(LIMIT_MIB, 1)).outcome).toBe(NO_SPACE);
      expect((await disk.read(LIMIT_MIB - 1)).equals(bytesOf(LIMIT_MIB - 1, 1))).toBe(true);
      expect((await disk.read(LIMIT_MIB)).equals(Buffer.alloc(MIB))).toBe(true);
      expect((await disk.write(0, 2)).outcome).toBe(GOOD);
    } finally {
      limitFiles('unlimited');
    }
    expect((await disk.write(LIMIT_MIB, 3)).outcome).toBe(GOOD);
    expect((await disk.read(LIMIT_MIB)).equals(bytesOf(LIMIT_MIB, 3))).toBe(true);
    await disk.end();
    rig.close();
  });
}

describe('a file with a limit: file', () => describeLimitedFile('file'));
describe('a file with a limit: iouring', () => describeLimitedFile('iouring'));

if (canMount()) {
  describe('a full store: file', () => describeFullStore('file'));
  describe('a full store: iouring', () => describeFullStore('iouring'));
}
