/** A target device with two units, between which copies are asked for. */
import type { LogicalUnitOptions } from '../../../../src/scsi/unit/logical-unit.ts';
import { BLOCK_BYTES, BLOCK_COUNT, Harness, pattern, uint32, unitOn } from '../device-harness.ts';
import { MemoryBackend } from '../memory-backend.ts';

export const OTHER_UUID = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeee01';
export const GOOD = 'status 0';

export interface Segment {
  readonly source?: number;
  readonly destination?: number;
  readonly blocks?: number;
  readonly from?: number;
  readonly to?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly length?: number;
}

export interface List {
  readonly id?: number;
  readonly usage?: number;
  readonly inline?: number;
}

/** Two units, LUN 0 with a pattern and LUN 1 empty, both known to the initiator. */
export class Pair extends Harness {
  readonly otherBackend: MemoryBackend;
  /** Of both units. */
  readonly cscds: readonly Buffer[];

  constructor(
    options: Partial<LogicalUnitOptions> = {},
    sizeBytes = BLOCK_BYTES * BLOCK_COUNT,
    backend: (sizeBytes: number) => MemoryBackend = (bytes) => new MemoryBackend(bytes),
  ) {
    super({ keepsAttention: true, backend: backend(BLOCK_BYTES * BLOCK_COUNT) });
    pattern(BLOCK_COUNT).copy(this.backend.bytes);
    this.otherBackend = backend(sizeBytes);
    this.device.addLogicalUnit(1, unitOn(this.otherBackend, { uuid: OTHER_UUID, ...options }));
    this.clearAttention(this.nexus);
    this.clearAttention(this.nexus, 1);
    this.cscds = [this.cscd(0), this.cscd(1)];
  }

  override settle(): void {
    for (;;) {
      super.settle();
      if (this.otherBackend.pending.length === 0) return;
      this.otherBackend.complete();
    }
  }

  copy(segments: readonly Segment[], list: List = {}, cscds = this.cscds) {
    return this.run(...xcopy(parameters(segments, cscds, list)));
  }

  startCopy(segments: readonly Segment[], list: List = {}) {
    return this.start(...xcopy(parameters(segments, this.cscds, list)));
  }

  /** The CSCD descriptor with the designator of that type of the unit's page 83h. */
  cscd(lun: number, type = 3, blockBytes = this.device.logicalUnit(lun)?.blockBytes ?? 0): Buffer {
    const page = this.run([0x12, 1, 0x83, 4, 0, 0], { dataIn: 1024, lun }).data;
    const cscd = Buffer.alloc(32);
    cscd[0] = 0xe4;
    for (let at = 4; at < page.length; at += 4 + page[at + 3]!) {
      if (page[at + 1] !== type) continue;
      page.copy(cscd, 4, at, at + 4 + page[at + 3]!);
    }
    cscd.writeUIntBE(blockBytes, 29, 3);
    return cscd;
  }
}

export function segmentBytes(segment: Segment): Buffer {
  const { source = 0, destination = 1, blocks = 1, from = 0, to = 0, flags = 0, type = 2, length = 0x18 } = segment;
  const bytes = Buffer.alloc(28);
  bytes[0] = type;
  bytes[1] = flags;
  bytes.writeUInt16BE(length, 2);
  bytes.writeUInt16BE(source, 4);
  bytes.writeUInt16BE(destination, 6);
  bytes.writeUInt16BE(blocks, 10);
  bytes.writeBigUInt64BE(BigInt(from), 12);
  bytes.writeBigUInt64BE(BigInt(to), 20);
  return bytes;
}

export function parameters(segments: readonly Segment[], cscds: readonly Buffer[], list: List = {}): Buffer {
  const header = Buffer.alloc(16);
  header[0] = list.id ?? 1;
  header[1] = (list.usage ?? 0) << 3;
  header.writeUInt16BE(cscds.length * 32, 2);
  header.writeUInt32BE(segments.length * 28, 8);
  header.writeUInt32BE(list.inline ?? 0, 12);
  return Buffer.concat([header, ...cscds, ...segments.map(segmentBytes)]);
}

export function xcopy(dataOut: Buffer, lengthBytes = dataOut.length): [number[], { dataOut: Buffer }] {
  return [[0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(lengthBytes), 0, 0], { dataOut }];
}

export function blocks(backend: MemoryBackend, lba: number, count: number, blockBytes = BLOCK_BYTES): Buffer {
  return Buffer.from(backend.bytes.subarray(lba * blockBytes, (lba + count) * blockBytes));
}
