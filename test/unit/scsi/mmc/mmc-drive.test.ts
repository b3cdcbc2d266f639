/** What a CD-ROM drive is and does: identity, features, events, mode pages, reading, its door (MMC-4). */
import { describe, expect, it } from 'vitest';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { cdb10, cdb12, type Harness, nexusOf, uint32 } from '../device-harness.ts';
import { MemoryBackend } from '../memory-backend.ts';
import {
  DISC_BLOCKS,
  DRIVE_BLOCK_BYTES,
  DVD_BLOCKS,
  driveWith,
  eject,
  eventStatus,
  fill,
  hexOf,
  load,
  readCdOf,
} from './drive-harness.ts';

const GET_CONFIGURATION = [0x46, 0, 0, 0, 0, 0, 0, 0, 0xff, 0];
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];

describe('identity', () => {
  it('INQUIRY says CD/DVD, removable, MMC-6 and no third-party copy', () => {
    const { data } = driveWith().run([0x12, 0, 0, 0, 0xff, 0], { dataIn: 255 });
    expect([data[0], data[1], data[5]! & 0x08]).toEqual([0x05, 0x80, 0]);
    const standards = Array.from({ length: 8 }, (_, index) => data.readUInt16BE(58 + index * 2));
    expect(standards).toContain(0x04e0);
    expect(standards).not.toContain(0x04c0);
  });

  it('has the pages of vital product data that are no disk’s, each with its device type', () => {
    const harness = driveWith();
    expect(hexOf(harness.run([0x12, 1, 0, 0, 0xff, 0], { dataIn: 255 }))).toBe('05000003008083');
    expect(harness.run([0x12, 1, 0x83, 0, 0xff, 0], { dataIn: 255 }).data[0]).toBe(0x05);
    expect(harness.run([0x12, 1, 0xb0, 0, 0xff, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
  });

  it('READ CAPACITY counts blocks of 2048 bytes', () => {
    expect(hexOf(driveWith().run(cdb10(0x25, 0, 0), { dataIn: 8 }))).toBe('000003e700000800');
  });

  it('REPORT SUPPORTED OPERATION CODES names the commands of a drive, which are those that run', () => {
    const harness = driveWith();
    const { data } = harness.run([0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0], { dataIn: 4096 });
    const codes = new Set<number>();
    for (let at = 4; at < data.length; at += 8) codes.add(data[at]!);
    for (const code of [0x25, 0x28, 0x43, 0x46, 0x4a, 0x51, 0x52, 0xa8, 0xad, 0xbb, 0xbd, 0xbe])
      expect(codes).toContain(code);
    for (let code = 0; code < 256; code++) {
      if (code === 0x7f) continue;
      const isUnknown = harness.run([code, 0, 0, 0, 0, 0]).outcome === '5/20/0';
      expect([code, isUnknown]).toEqual([code, !codes.has(code)]);
    }
  });

  it('writes and what else a disk alone can do are not commands of a drive', () => {
    const harness = driveWith();
    for (const code of [0x04, 0x0a, 0x2a, 0x35, 0x41, 0x42, 0x48, 0x7f, 0x83, 0x88, 0x8a, 0x93, 0x9e, 0xaa]) {
      expect(harness.run([code, ...Array<number>(31).fill(0)]).outcome).toBe('5/20/0');
    }
    expect(harness.backend.log).toEqual([]);
  });
});

describe('GET CONFIGURATION', () => {
  function featuresOf(harness: Harness, cdb = GET_CONFIGURATION): Map<number, string> {
    const { data } = harness.run(cdb, { dataIn: 255 });
    expect(data.readUInt32BE(0)).toBe(data.length - 4);
    const features = new Map<number, string>([[-1, data.subarray(6, 8).toString('hex')]]);
    for (let at = 8; at < data.length; at += 4 + data[at + 3]!) {
      features.set(data.readUInt16BE(at), data.subarray(at + 2, at + 4 + data[at + 3]!).toString('hex'));
    }
    return features;
  }

  it('a CD: profile 08h, and its features are current', () => {
    expect([...featuresOf(driveWith())]).toEqual([
      [-1, '0008'],
      [0x0000, '0308' + '00100000' + '00080100'],
      [0x0001, '0b08' + '0000000101000000'],
      [0x0002, '0704' + '02000000'],
      [0x0003, '0b04' + '39000000'],
      [0x0010, '0108' + '0000080000010100'],
      [0x001d, '0100'],
      [0x001e, '0904' + '00000000'],
      [0x001f, '0404' + '00000000'],
      [0x0100, '0300'],
      [0x0105, '0704' + '00000000'],
    ]);
  });

  it('what is larger than a CD is a DVD: profile 10h', () => {
    const features = featuresOf(driveWith(DVD_BLOCKS));
    expect(features.get(-1)).toBe('0010');
    expect(features.get(0)).toBe('0308' + '00100100' + '00080000');
    expect([features.get(0x1d), features.get(0x1e), features.get(0x1f)]).toEqual([
      '0000',
      '080400000000',
      '050400000000',
    ]);
    expect(featuresOf(driveWith(DVD_BLOCKS - 1)).get(-1)).toBe('0008');
  });

  it('only the current ones, or one, or those from one on', () => {
    const harness = driveWith();
    expect(featuresOf(harness, [0x46, 1, 0, 0, 0, 0, 0, 0, 0xff, 0]).has(0x1f)).toBe(false);
    expect([...featuresOf(harness, [0x46, 2, 0, 3, 0, 0, 0, 0, 0xff, 0]).keys()]).toEqual([-1, 3]);
    expect([...featuresOf(harness, [0x46, 2, 0, 4, 0, 0, 0, 0, 0xff, 0]).keys()]).toEqual([-1]);
    expect([...featuresOf(harness, [0x46, 0, 1, 0, 0, 0, 0, 0, 0xff, 0]).keys()]).toEqual([-1, 0x100, 0x105]);
    expect([...featuresOf(harness, [0x46, 0, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0]).keys()]).toEqual([-1]);
    expect(harness.run([0x46, 3, 0, 0, 0, 0, 0, 0, 0xff, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
  });

  it('without a disc there is no profile; a unit attention does not stand in the way and stays', () => {
    const harness = driveWith();
    eject(harness);
    const other = nexusOf('b');
    expect(harness.run(GET_CONFIGURATION, { dataIn: 255, nexus: other }).data.subarray(6, 8).toString('hex')).toBe(
      '0000',
    );
    expect(harness.run(TEST_UNIT_READY, { nexus: other }).outcome).toBe('6/29/0');
  });
});

describe('GET EVENT STATUS NOTIFICATION', () => {
  const poll = (harness: Harness, classes = 0x10, nexus = harness.nexus) =>
    hexOf(harness.run(eventStatus(classes), { dataIn: 8, nexus }));

  it('tells of removal and of a new disc once, to every nexus', () => {
    const harness = driveWith();
    const other = nexusOf('b');
    harness.clearAttention(other);
    expect(poll(harness)).toBe('0006045600020000');
    eject(harness);
    expect([poll(harness), poll(harness)]).toEqual(['0006045603010000', '0006045600010000']);
    load(harness);
    expect([poll(harness), poll(harness)]).toEqual(['0006045602020000', '0006045600020000']);
    expect(poll(harness, 0x10, other)).toBe('0006045602020000');
  });

  it('features change with the disc, which is told first', () => {
    const harness = driveWith();
    expect(poll(harness, 0x56)).toBe('0006015600000000');
    load(harness);
    eject(harness);
    expect([poll(harness, 0x56), poll(harness, 0x56), poll(harness, 0x56)]).toEqual([
      '0006015602000001',
      '0006045603010000',
      '0006015600000000',
    ]);
  });

  it('an event that the allocation length has no room for stays', () => {
    const harness = driveWith();
    eject(harness);
    expect(hexOf(harness.run(eventStatus(0x10, 4), { dataIn: 8 }))).toBe('00060456');
    expect(poll(harness)).toBe('0006045603010000');
  });

  it('power is active, the drive is not busy; classes that it lacks are said to be none', () => {
    const harness = driveWith();
    expect(poll(harness, 0x04)).toBe('0006025600010000');
    expect(poll(harness, 0x40)).toBe('0006065600000000');
    expect(poll(harness, 0xa9)).toBe('00028056');
    expect(poll(harness, 0x00)).toBe('00028056');
  });

  it('asynchronous notification is an invalid field', () => {
    expect(driveWith().run([0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8, 0], { dataIn: 8 }).outcome).toBe('5/24/0');
  });
});

describe('mode pages of a drive', () => {
  const CAPABILITIES = `2a141b00000029${'00'.repeat(15)}`;

  it('MODE SENSE(6) and (10) have the capabilities, without block descriptors', () => {
    const harness = driveWith();
    expect(hexOf(harness.run([0x1a, 0, 0x2a, 0, 0x80, 0], { dataIn: 128 }))).toBe(`19000000${CAPABILITIES}`);
    const long = harness.run([0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 0x80, 0], { dataIn: 128 });
    expect(hexOf(long)).toBe(`001c000000000000${CAPABILITIES}`);
  });

  it('all pages come in order; none of their bits is changeable; none can be saved', () => {
    const harness = driveWith();
    const all = `010a${'00'.repeat(10)}1a0a${'00'.repeat(10)}1d0800000000003c003c${CAPABILITIES}`;
    expect(hexOf(harness.run([0x1a, 0, 0x3f, 0, 0xff, 0], { dataIn: 255 })).slice(8)).toBe(all);
    const changeable = hexOf(harness.run([0x1a, 0, 0x7f, 0, 0xff, 0], { dataIn: 255 })).slice(8);
    expect(changeable).toBe(`010a${'00'.repeat(10)}1a0a${'00'.repeat(10)}1d08${'00'.repeat(8)}2a14${'00'.repeat(20)}`);
    expect(harness.run([0x1a, 0, 0xff, 0, 0xff, 0], { dataIn: 255 }).outcome).toBe('5/39/0');
  });

  it('pages that only disks have, and subpages, are invalid fields', () => {
    const harness = driveWith();
    for (const page of [0x08, 0x0a, 0x1c, 0x0e]) {
      expect(harness.run([0x1a, 0, page, 0, 0xff, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
    }
    expect(harness.run([0x1a, 0, 0x2a, 1, 0xff, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
  });

  it('a prevented removal shows', () => {
    const harness = driveWith();
    harness.run([0x1e, 0, 0, 0, 1, 0]);
    expect(harness.run([0x1a, 0, 0x2a, 0, 0x80, 0], { dataIn: 128 }).data[10]).toBe(0x2b);
  });

  it('MODE SELECT(10) takes what is so already, and nothing else', () => {
    const harness = driveWith();
    const select = (list: string, flags = 0x10) => {
      const dataOut = Buffer.from(list, 'hex');
      return harness.run([0x55, flags, 0, 0, 0, 0, 0, 0, dataOut.length, 0], { dataOut }).outcome;
    };
    const header = '00'.repeat(8);
    expect(select(`${header}${CAPABILITIES}`)).toBe('status 0');
    expect(select(header)).toBe('status 0');
    expect(select('')).toBe('status 0');
    expect(select(`${header}${CAPABILITIES.replace('1b', '1f')}`)).toBe('5/26/0');
    expect(select(`${header}0e0e${'00'.repeat(14)}`)).toBe('5/26/0');
    expect(select(`000000000000000800000000000008002a14`)).toBe('5/26/0');
    expect(select(`${header}${CAPABILITIES.slice(0, -2)}`)).toBe('5/1a/0');
    expect(select(`${header}2a`)).toBe('5/1a/0');
    expect(select(header.slice(2))).toBe('5/1a/0');
    expect(select(`${header}${CAPABILITIES}`, 0x00)).toBe('5/24/0');
    expect(select(`${header}${CAPABILITIES}`, 0x11)).toBe('5/24/0');
  });
});

describe('reading', () => {
  const image = (harness: Harness, lba: number, blocks: number) =>
    harness.backend.bytes.subarray(lba * DRIVE_BLOCK_BYTES, (lba + blocks) * DRIVE_BLOCK_BYTES);

  it('READ(10), READ(12) with STREAMING and READ CD bring the same blocks', () => {
    const harness = driveWith();
    const expected = image(harness, 990, 10);
    const streaming = cdb12(0xa8, 990, 10);
    streaming[10] = 0x80;
    for (const cdb of [cdb10(0x28, 990, 10), streaming, readCdOf(990, 10), readCdOf(990, 10, 2)]) {
      const client = harness.run(cdb, { dataIn: 10 * DRIVE_BLOCK_BYTES });
      expect(client.outcome).toBe('status 0');
      expect(client.data.equals(expected)).toBe(true);
    }
  });

  it('one block past the end is LBA OUT OF RANGE', () => {
    const harness = driveWith();
    for (const cdb of [
      cdb10(0x28, 991, 10),
      cdb12(0xa8, DISC_BLOCKS, 1),
      readCdOf(DISC_BLOCKS, 0),
      readCdOf(1, DISC_BLOCKS),
    ]) {
      expect(harness.run(cdb, { dataIn: 65536 }).outcome).toBe('5/21/0');
    }
  });

  it('READ CD refuses what an image does not hold', () => {
    const harness = driveWith();
    const outcome = (cdb: number[]) => harness.run(cdb, { dataIn: 4096 }).outcome;
    for (const parts of [0xf8, 0x80, 0x30, 0x18, 0x12]) expect(outcome(readCdOf(0, 1, 0, parts))).toBe('5/24/0');
    for (const type of [1, 3, 4, 5]) expect(outcome(readCdOf(0, 1, type))).toBe('5/64/0');
    for (const type of [6, 7]) expect(outcome(readCdOf(0, 1, type))).toBe('5/24/0');
    const subChannel = readCdOf(0, 1);
    subChannel[10] = 0x01;
    expect(outcome(subChannel)).toBe('5/24/0');
    const audio = readCdOf(0, 1);
    audio[1] = 0x02;
    expect(outcome(audio)).toBe('5/24/0');
    expect(driveWith(DVD_BLOCKS).run(readCdOf(0, 1), { dataIn: 4096 }).outcome).toBe('5/30/2');
  });

  it('READ CD of no part of the blocks brings nothing', () => {
    const client = driveWith().run(readCdOf(0, 1, 0, 0), { dataIn: 4096 });
    expect([client.outcome, client.data.length]).toEqual(['status 0', 0]);
  });

  it('reserved bits are invalid fields', () => {
    const harness = driveWith();
    expect(harness.run(cdb10(0x43, 0, 0, 0x01), { dataIn: 64 }).outcome).toBe('5/24/0');
    const control = readCdOf(0, 1);
    control[11] = 0x02;
    expect(harness.run(control, { dataIn: 4096 }).outcome).toBe('5/24/0');
  });

  it('MECHANISM STATUS shows the door; SET CD SPEED is heard', () => {
    const harness = driveWith();
    const status = [0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0];
    expect(hexOf(harness.run(status, { dataIn: 8 }))).toBe('0000000000000000');
    eject(harness);
    expect(hexOf(harness.run(status, { dataIn: 8 }))).toBe('0010000000000000');
    expect(harness.run([0xbb, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]).outcome).toBe('status 0');
  });
});

describe('PREVENT ALLOW MEDIUM REMOVAL of a drive', () => {
  const prevent = (harness: Harness, value: number, nexus = harness.nexus) =>
    harness.run([0x1e, 0, 0, 0, value, 0], { nexus }).outcome;
  const tryEject = (harness: Harness) => harness.run([0x1b, 0, 0, 0, 0x02, 0]).outcome;

  it('the persistent kind is set and cleared by itself', () => {
    const harness = driveWith();
    expect(prevent(harness, 3)).toBe('status 0');
    expect(prevent(harness, 0)).toBe('status 0');
    expect(tryEject(harness)).toBe('5/53/2');
    expect(hexOf(harness.run(eventStatus(0x02), { dataIn: 8 }))).toBe('0006015600800000');
    prevent(harness, 1);
    prevent(harness, 2);
    expect(tryEject(harness)).toBe('5/53/2');
    prevent(harness, 0);
    expect(tryEject(harness)).toBe('status 0');
  });

  it('a reset and the loss of the nexus end both kinds', () => {
    const harness = driveWith();
    const other = nexusOf('b');
    harness.device.openNexus(other);
    harness.clearAttention(other);
    prevent(harness, 3, other);
    harness.device.closeNexus(other);
    prevent(harness, 3);
    harness.manage(LOGICAL_UNIT_RESET);
    harness.settle();
    harness.clearAttention(harness.nexus);
    expect(tryEject(harness)).toBe('status 0');
  });
});

describe('another medium', () => {
  function change(harness: Harness, blocks: number): void {
    const next = new MemoryBackend(blocks * DRIVE_BLOCK_BYTES, { isReadOnly: true, canUnmap: false });
    fill(next);
    harness.unit.ejectMedium();
    harness.unit.changeMedium(next, { mediumName: 'next', isReadOnly: true, isThin: false });
    harness.settle();
  }

  it('every nexus learns of it, and finds its size', () => {
    const harness = driveWith();
    const other = nexusOf('b');
    harness.clearAttention(other);
    change(harness, 17);
    for (const nexus of [harness.nexus, other]) {
      expect(harness.run(TEST_UNIT_READY, { nexus }).outcome).toBe('6/28/0');
      expect(harness.run(TEST_UNIT_READY, { nexus }).outcome).toBe('status 0');
      expect(hexOf(harness.run(cdb10(0x25, 0, 0), { dataIn: 8, nexus }))).toBe(
        `${Buffer.from(uint32(16)).toString('hex')}00000800`,
      );
    }
    expect(harness.run(cdb10(0x28, 17, 1), { dataIn: 2048 }).outcome).toBe('5/21/0');
    expect(hexOf(harness.run(eventStatus(0x10), { dataIn: 8 }))).toBe('0006045602020000');
  });

  it('while it is being changed nobody loads the old one', () => {
    const harness = driveWith();
    harness.unit.ejectMedium();
    harness.unit.isMediumChanging = true;
    load(harness);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/3a/0');
  });

  it('is not put in while a command is at work', () => {
    const harness = driveWith();
    const running = harness.start(cdb10(0x28, 0, 1), { dataIn: 2048 });
    expect(() => change(harness, 17)).toThrow('no command goes on');
    harness.settle();
    expect(running.outcome).toBe('status 0');
  });

  it('an operator who may not have it asks for it', () => {
    const harness = driveWith();
    harness.unit.requestEject();
    expect(hexOf(harness.run(eventStatus(0x10), { dataIn: 8 }))).toBe('0006045601020000');
  });
});
