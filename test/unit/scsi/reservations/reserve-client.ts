/** Application clients of reservations: CDBs and parameter lists of PERSISTENT RESERVE IN and OUT, and what comes back. */
import type { Nexus } from '../../../../src/scsi/nexus.ts';
import { Nexus as NexusClass } from '../../../../src/scsi/nexus.ts';
import type { Client, CommandOptions, Harness } from '../device-harness.ts';
import { portOf, uint32 } from '../device-harness.ts';

export const REGISTER = 0;
export const RESERVE = 1;
export const RELEASE = 2;
export const CLEAR = 3;
export const PREEMPT = 4;
export const PREEMPT_AND_ABORT = 5;
export const REGISTER_AND_IGNORE = 6;
export const REGISTER_AND_MOVE = 7;
export const REPLACE_LOST = 8;

export const WE = 1;
export const EA = 3;
export const WE_RO = 5;
export const EA_RO = 6;
export const WE_AR = 7;
export const EA_AR = 8;
export const TYPES = [WE, EA, WE_RO, EA_RO, WE_AR, EA_AR];

export const SPEC_I_PT = 0x08;
export const ALL_TG_PT = 0x04;
export const APTPL = 0x01;
export const UNREG = 0x02;

export const GOOD = 'status 0';
export const CONFLICT = 'status 18';

/** Keys of the tests are small; a few have bits above 32. */
export type Key = number;

export interface ReserveOut {
  readonly key?: Key;
  readonly saKey?: Key;
  readonly type?: number;
  readonly scope?: number;
  /** Byte 20, or 17 with REGISTER AND MOVE. */
  readonly flags?: number;
  /** The TransportIDs, or the one. */
  readonly ids?: Buffer;
  readonly relativePort?: number;
  /** Instead of the list's length. */
  readonly listLength?: number;
  /** Instead of the TransportIDs' length. */
  readonly idsLength?: number;
  readonly list?: Buffer;
}

/** An initiator port of `initiator` on target port 1 or 2. */
export function portNexus(initiator: string, port = 1, isid = '00023d000001'): Nexus {
  return new NexusClass(`iqn.2000-01.test:${initiator},i,0x${isid}`, portOf(port));
}

export function reserveOutList(action: number, out: ReserveOut): Buffer {
  const list = Buffer.alloc(24);
  list.writeBigUInt64BE(BigInt(out.key ?? 0), 0);
  list.writeBigUInt64BE(BigInt(out.saKey ?? 0), 8);
  const ids = out.ids ?? Buffer.alloc(0);
  if (action === REGISTER_AND_MOVE) {
    list[17] = out.flags ?? 0;
    list.writeUInt16BE(out.relativePort ?? 1, 18);
    list.writeUInt32BE(out.idsLength ?? ids.length, 20);
    return Buffer.concat([list, ids]);
  }
  list[20] = out.flags ?? 0;
  if (out.ids === undefined) return list;
  return Buffer.concat([list, Buffer.from(uint32(out.idsLength ?? ids.length)), ids]);
}

export function reserveOutCdb(action: number, scopeType: number, listLength: number): number[] {
  return [0x5f, action, scopeType, 0, 0, ...uint32(listLength), 0];
}

/** Runs PERSISTENT RESERVE OUT by `nexus`. */
export function reserveOut(harness: Harness, nexus: Nexus, action: number, out: ReserveOut = {}): Client {
  return harness.run(...reserveOutCommand(nexus, action, out));
}

/** As reserveOut, left where it stands. */
export function startReserveOut(harness: Harness, nexus: Nexus, action: number, out: ReserveOut = {}): Client {
  return harness.start(...reserveOutCommand(nexus, action, out));
}

function reserveOutCommand(nexus: Nexus, action: number, out: ReserveOut): [number[], CommandOptions] {
  const dataOut = out.list ?? reserveOutList(action, out);
  const scopeType = ((out.scope ?? 0) << 4) | (out.type ?? 0);
  return [reserveOutCdb(action, scopeType, out.listLength ?? dataOut.length), { nexus, dataOut }];
}

export function reserveIn(harness: Harness, nexus: Nexus, action: number, allocationLength = 0xffff): Buffer {
  const cdb = [0x5e, action, 0, 0, 0, 0, 0, allocationLength >>> 8, allocationLength & 0xff, 0];
  const client = harness.run(cdb, { nexus, dataIn: allocationLength });
  if (client.outcome !== GOOD) throw new Error(`PERSISTENT RESERVE IN ended with ${client.outcome}`);
  return client.data;
}

export interface Keys {
  readonly generation: number;
  readonly keys: readonly number[];
}

export function readKeys(harness: Harness, nexus: Nexus): Keys {
  const data = reserveIn(harness, nexus, 0);
  if (data.readUInt32BE(4) !== data.length - 8) throw new Error('ADDITIONAL LENGTH is wrong');
  const keys = [];
  for (let at = 8; at < data.length; at += 8) keys.push(Number(data.readBigUInt64BE(at)));
  return { generation: data.readUInt32BE(0), keys };
}

/** Key, scope and type, or null when there is no reservation. */
export function readReservation(harness: Harness, nexus: Nexus): { key: number; scope: number; type: number } | null {
  const data = reserveIn(harness, nexus, 1);
  if (data.readUInt32BE(4) !== data.length - 8) throw new Error('ADDITIONAL LENGTH is wrong');
  if (data.length === 8) return null;
  return { key: Number(data.readBigUInt64BE(8)), scope: data[21]! >>> 4, type: data[21]! & 0x0f };
}

export interface FullStatus {
  readonly key: number;
  readonly isAllTgPt: boolean;
  readonly isHolder: boolean;
  readonly scopeType: number;
  readonly relativePort: number;
  readonly initiator: string;
}

export function readFullStatus(harness: Harness, nexus: Nexus): FullStatus[] {
  const data = reserveIn(harness, nexus, 3);
  const found = [];
  for (let at = 8; at < data.length; ) {
    const idBytes = data.readUInt32BE(at + 20);
    const id = data.subarray(at + 24, at + 24 + idBytes);
    if (id[0] !== 0x45 || id.readUInt16BE(2) !== idBytes - 4) throw new Error('not an iSCSI TransportID');
    found.push({
      key: Number(data.readBigUInt64BE(at)),
      isAllTgPt: (data[at + 12]! & 2) !== 0,
      isHolder: (data[at + 12]! & 1) !== 0,
      scopeType: data[at + 13]!,
      relativePort: data.readUInt16BE(at + 18),
      initiator: id.toString('utf8', 4, id.indexOf(0, 4)),
    });
    at += 24 + idBytes;
  }
  return found;
}

/** Format 00b when `name` is an iSCSI name, 01b when it is that of a port. */
export function transportId(name: string): Buffer {
  const bytes = Math.max(20, (Buffer.byteLength(name) + 4) & ~3);
  const id = Buffer.alloc(4 + bytes);
  id[0] = name.includes(',i,0x') ? 0x45 : 0x05;
  id.writeUInt16BE(bytes, 2);
  id.write(name, 4);
  return id;
}

/** Takes all pending unit attentions of `nexus`, as "asc/ascq", by REQUEST SENSE. */
export function takeAttentions(harness: Harness, nexus: Nexus): string[] {
  const taken = [];
  for (;;) {
    const { data } = harness.run([0x03, 0, 0, 0, 18, 0], { nexus, dataIn: 18 });
    if ((data[2]! & 0x0f) !== 6) return taken;
    taken.push(`${data[12]!.toString(16)}/${data[13]!.toString(16)}`);
  }
}

/** Opens each nexus and clears its power on condition. */
export function connect(harness: Harness, ...nexuses: Nexus[]): void {
  for (const nexus of nexuses) {
    harness.device.openNexus(nexus);
    harness.clearAttention(nexus);
  }
}

/** Registers `nexus` with `key` whatever it was registered with. */
export function registerAs(harness: Harness, nexus: Nexus, key: Key, flags = 0): void {
  const { outcome } = reserveOut(harness, nexus, REGISTER_AND_IGNORE, { saKey: key, flags });
  if (outcome !== GOOD) throw new Error(`REGISTER AND IGNORE EXISTING KEY ended with ${outcome}`);
}
