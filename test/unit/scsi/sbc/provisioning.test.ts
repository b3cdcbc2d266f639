import { describe, expect, it } from 'vitest';
import type { BackendSpace } from '../../../../src/backend/backend.ts';
import { encodeSense } from '../../../../src/scsi/sense.ts';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import type { UnitState, UnitStateStore } from '../../../../src/scsi/unit/unit-state.ts';
import type { HarnessOptions } from '../device-harness.ts';
import { cdb10, Harness, nexusOf, pattern } from '../device-harness.ts';
import { MemoryBackend } from '../memory-backend.ts';

const SET = 2 ** 20;
const REACHED = '6/38/7';
const PF = 0x10;
const SP = 0x01;
const AVAILABLE = 16;
const USED = 24;

const space = (availableSets: number, usedSets = 0): BackendSpace => ({
  availableBytes: availableSets * SET,
  usedBytes: usedSets * SET,
});

/** A disk that tells when 10 threshold sets are left, and other thresholds as `unit` says. */
function watched(options: HarnessOptions = {}): Harness {
  const thresholds = { availableBytes: 10 * SET, usedPercent: 0 };
  return new Harness({ ...options, unit: { thresholds, ...options.unit } });
}

/** The store has so much space now, and somebody looks. */
function look(harness: Harness, now: BackendSpace): void {
  harness.backend.spaceNow = now;
  harness.unit.provisioning.lookIfWatched();
  harness.settle();
}

const testUnitReady = (harness: Harness, nexus = harness.nexus) => harness.run([0, 0, 0, 0, 0, 0], { nexus });

const lbpPage = (harness: Harness, pc = 0) =>
  harness.run([0x1a, 8, (pc << 6) | 0x1c, 2, 255, 0], { dataIn: 255 }).data.subarray(4);

function select(harness: Harness, page: Buffer, flags = PF) {
  const list = Buffer.concat([Buffer.alloc(4), page]);
  return harness.run([0x15, flags, 0, 0, list.length, 0], { dataOut: list });
}

/** The page with another threshold at `descriptor`. */
function withThreshold(page: Buffer, descriptor: number, count: number, isEnabled = true): Buffer {
  const changed = Buffer.from(page);
  changed[descriptor] = (changed[descriptor]! & 0x7f) | (isEnabled ? 0x80 : 0);
  changed.writeUInt32BE(count, descriptor + 4);
  return changed;
}

class Store implements UnitStateStore {
  last: UnitState | null = null;

  save(state: UnitState, onSaved: (isSaved: boolean) => void): void {
    this.last = state;
    onSaved(true);
  }
}

describe('another medium in the drive', () => {
  const medium = { mediumName: '/other.img', isReadOnly: false, isThin: true };
  const drive = (usedPercent: number) =>
    watched({ unit: { isRemovable: true, thresholds: { availableBytes: 10 * SET, usedPercent } } });

  it('has thresholds of its own: a percentage is of its size, and what is reached there is told', () => {
    const harness = drive(50);
    look(harness, space(5));
    expect(testUnitReady(harness).outcome).toBe(REACHED);
    const other = new MemoryBackend(64 * SET, {}, 0);
    harness.unit.ejectMedium();
    harness.unit.changeMedium(other, medium);
    expect(testUnitReady(harness).outcome).toBe('6/28/0');
    expect(lbpPage(harness).readUInt32BE(USED + 4)).toBe(32);
    expect(lbpPage(harness, 2).readUInt32BE(USED + 4)).toBe(32);
    other.spaceNow = space(5);
    harness.unit.provisioning.lookIfWatched();
    other.questions.shift()!();
    expect(testUnitReady(harness).outcome).toBe(REACHED);
  });

  it('leaves what an initiator has chosen', () => {
    const harness = drive(50);
    expect(select(harness, withThreshold(lbpPage(harness), USED, 3)).outcome).toBe('status 0');
    harness.unit.ejectMedium();
    harness.unit.changeMedium(new MemoryBackend(64 * SET, {}, 0), medium);
    expect(testUnitReady(harness).outcome).toBe('6/28/0');
    expect(lbpPage(harness).readUInt32BE(USED + 4)).toBe(3);
  });

  it('is not taken for full because the one before it was', () => {
    const harness = drive(0);
    harness.backend.spaceNow = space(1);
    harness.unit.provisioning.lookIfWatched();
    harness.unit.ejectMedium();
    const other = new MemoryBackend(64 * SET, {}, 0);
    other.spaceNow = space(1000);
    harness.unit.changeMedium(other, medium);
    harness.backend.questions.shift()!();
    other.questions.shift()!();
    expect(testUnitReady(harness).outcome).toBe('6/28/0');
    expect(testUnitReady(harness).outcome).toBe('status 0');
  });
});

describe('a provisioning threshold that is reached', () => {
  it('is told to every nexus once, with its descriptor in INFORMATION', () => {
    const harness = watched();
    const other = nexusOf('b');
    harness.clearAttention(other);
    look(harness, space(10.5));
    expect(testUnitReady(harness).outcome).toBe('status 0');
    look(harness, space(10));
    for (const nexus of [harness.nexus, other]) {
      const client = testUnitReady(harness, nexus);
      expect(client.outcome).toBe(REACHED);
      expect(client.command.senseInformation).toBe(AVAILABLE);
      const sense = Buffer.alloc(32);
      encodeSense(client.command, sense, 0);
      expect([sense[0], sense.readUInt32BE(3)]).toEqual([0xf0, AVAILABLE]);
      expect(testUnitReady(harness, nexus).outcome).toBe('status 0');
    }
    look(harness, space(9));
    look(harness, space(0));
    expect(testUnitReady(harness).outcome).toBe('status 0');
  });

  it('is told again after the resources have gone one threshold set back, not before', () => {
    const harness = watched();
    look(harness, space(10));
    expect(testUnitReady(harness).outcome).toBe(REACHED);
    look(harness, space(10.9));
    look(harness, space(10));
    expect(testUnitReady(harness).outcome).toBe('status 0');
    look(harness, space(11));
    look(harness, space(10));
    expect(testUnitReady(harness).outcome).toBe(REACHED);
  });

  it('of what is used has the other descriptor; a percentage is of the size of the disk', () => {
    const sizeBytes = 100 * SET;
    const unit = { thresholds: { availableBytes: 0, usedPercent: 80 } };
    const harness = new Harness({ sizeBytes, storedBytes: SET, unit });
    look(harness, space(0, 79.9));
    expect(testUnitReady(harness).outcome).toBe('status 0');
    look(harness, space(0, 80));
    const client = testUnitReady(harness);
    expect([client.outcome, client.command.senseInformation]).toEqual([REACHED, USED]);
  });

  it('is reported by REQUEST SENSE, in both formats, with INFORMATION', () => {
    const harness = watched();
    look(harness, space(1));
    const fixed = harness.run([0x03, 0, 0, 0, 255, 0], { dataIn: 255 }).data;
    expect([fixed[0], fixed[2], fixed.readUInt32BE(3), fixed[12], fixed[13]]).toEqual([0xf0, 6, AVAILABLE, 0x38, 7]);
    look(harness, space(100));
    look(harness, space(1));
    const descriptor = harness.run([0x03, 1, 0, 0, 255, 0], { dataIn: 255 }).data;
    expect([...descriptor.subarray(0, 4)]).toEqual([0x72, 6, 0x38, 7]);
    expect(Number(descriptor.readBigUInt64BE(12))).toBe(AVAILABLE);
  });

  it('is told to the operator, too, with the space there is', () => {
    const told: BackendSpace[] = [];
    const harness = watched({ unit: { onThresholdReached: (now) => told.push(now) } });
    for (const sets of [11, 10, 9]) look(harness, space(sets));
    expect(told).toEqual([space(10)]);
  });

  it('is not told again because another mode parameter changes', () => {
    const harness = watched();
    look(harness, space(10));
    expect(testUnitReady(harness).outcome).toBe(REACHED);
    const caching = harness.run([0x1a, 8, 0x08, 0, 255, 0], { dataIn: 255 }).data.subarray(4);
    caching[2] = 0;
    expect(select(harness, caching).outcome).toBe('status 0');
    look(harness, space(10));
    expect(testUnitReady(harness).outcome).toBe('status 0');
  });

  it('is not told with LBPERE zero', () => {
    const harness = watched();
    const page = harness.run([0x1a, 8, 0x01, 0, 255, 0], { dataIn: 255 }).data.subarray(4);
    expect(page[7]).toBe(0x80);
    page[7] = 0;
    expect(select(harness, page).outcome).toBe('status 0');
    look(harness, space(1));
    expect(testUnitReady(harness).outcome).toBe('status 0');
  });

  it('is looked for after writes, the sooner the nearer it is, and never for each write', () => {
    const harness = watched({ sizeBytes: 256 * SET, storedBytes: 4 * SET });
    const looks: number[] = [];
    const { backend } = harness;
    const write = (megabytes: number) => {
      for (let done = 0; done < megabytes; done++) {
        harness.start(cdb10(0x2a, 0, 2048), { dataOut: pattern(2048) });
        while (backend.pending.length > 0 || backend.questions.length > 0) {
          harness.tick();
          const question = backend.questions.shift();
          if (question !== undefined) looks.push(done);
          if (question !== undefined) question();
          else if (backend.pending.length > 0) backend.complete();
        }
        harness.tick();
      }
    };
    look(harness, space(1000));
    write(64);
    expect(looks).toEqual([]);
    write(1);
    expect(looks).toEqual([0]);
    looks.length = 0;
    look(harness, space(13));
    write(3);
    expect(looks).toEqual([]);
    backend.spaceNow = space(10);
    write(1);
    expect(looks).toEqual([0]);
    expect(testUnitReady(harness).outcome).toBe(REACHED);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([
    ['zeros', 0],
    ['a pattern', 7],
  ])('is found after WRITE SAME of %s', (_name, byte) => {
    const harness = watched({ sizeBytes: 256 * SET, storedBytes: 16 * SET });
    look(harness, space(13));
    harness.backend.spaceNow = space(10);
    harness.run(cdb10(0x41, 0, 8192), { dataOut: Buffer.alloc(512, byte) });
    expect(testUnitReady(harness).outcome).toBe(REACHED);
  });

  it('nothing is looked at where nothing is watched', () => {
    const harness = new Harness({ sizeBytes: 256 * SET, storedBytes: SET });
    look(harness, space(0));
    for (let i = 0; i < 100; i++) harness.run(cdb10(0x2a, 0, 2048), { dataOut: pattern(2048) });
    expect(testUnitReady(harness).outcome).toBe('status 0');
  });

  it('who asks while another look is under way is told of what was written since it began', () => {
    const harness = watched();
    const { backend, unit } = harness;
    backend.space = (onSpace) => {
      const seen = backend.spaceNow;
      backend.questions.push(() => onSpace(seen));
    };
    const told: (BackendSpace | null)[] = [];
    for (const left of [30, 20, 10]) {
      backend.spaceNow = space(left);
      unit.provisioning.look((seen) => told.push(seen));
    }
    harness.settle();
    expect(told).toEqual([space(30), space(10), space(10)]);
    expect(harness.isQuiet).toBe(true);
  });

  it('a store that cannot tell just now is asked again', () => {
    const harness = watched();
    harness.backend.spaceNow = null;
    harness.unit.provisioning.lookIfWatched();
    harness.settle();
    look(harness, space(1));
    expect(testUnitReady(harness).outcome).toBe(REACHED);
  });
});

describe('the Logical Block Provisioning mode page', () => {
  it('has a descriptor for each resource; ENABLED and the count are changeable', () => {
    const header = `5c02001c${'00'.repeat(12)}`;
    expect(lbpPage(watched()).toString('hex')).toBe(`${header}800100000000000a0102000000000000`);
    expect(lbpPage(new Harness()).toString('hex')).toBe(`${header}00010000000000000102000000000000`);
    expect(lbpPage(new Harness(), 1).toString('hex')).toBe(`${header}80000000ffffffff80000000ffffffff`);
  });

  it('is there for a thin unit alone, and with FFh behind the page of informational exceptions', () => {
    const codes = (harness: Harness) => {
      const { data } = harness.run([0x1a, 8, 0x1c, 0xff, 255, 0], { dataIn: 255 });
      return [data[4], data[16]];
    };
    expect(codes(new Harness())).toEqual([0x1c, 0x5c]);
    expect(codes(new Harness({ unit: { isThin: false } }))).toEqual([0x1c, undefined]);
    const client = new Harness({ unit: { isThin: false } }).run([0x1a, 8, 0x1c, 2, 255, 0], { dataIn: 255 });
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/24/0', (0x4f << 16) | 3]);
  });

  it('MODE SELECT sets a threshold, which is told at once when it is reached already, and tells the others', () => {
    const harness = new Harness();
    const other = nexusOf('b');
    harness.clearAttention(other);
    expect(select(harness, withThreshold(lbpPage(harness), USED, 7)).outcome).toBe('status 0');
    expect(lbpPage(harness).readUInt32BE(USED + 4)).toBe(7);
    expect(testUnitReady(harness, other).outcome).toBe('6/2a/1');
    look(harness, space(0, 7));
    expect(testUnitReady(harness).outcome).toBe(REACHED);
    expect(select(harness, withThreshold(lbpPage(harness), USED, 7, false)).outcome).toBe('status 0');
    look(harness, space(0, 0));
    look(harness, space(0, 100));
    expect(testUnitReady(harness).outcome).toBe('status 0');
  });

  it('a saved threshold comes back with a reset and after a restart, one that is not saved does not', () => {
    const stateStore = new Store();
    const harness = watched({ unit: { stateStore } });
    expect(select(harness, withThreshold(lbpPage(harness), AVAILABLE, 0xffffffff), PF | SP).outcome).toBe('status 0');
    expect(select(harness, withThreshold(lbpPage(harness), AVAILABLE, 3)).outcome).toBe('status 0');
    harness.manage(LOGICAL_UNIT_RESET);
    expect(harness.unit.modes.availableThresholdCount).toBe(0xffffffff);
    const again = watched({ unit: { stateStore, savedState: stateStore.last } });
    expect(again.unit.modes).toMatchObject({ availableThresholdCount: 0xffffffff, isAvailableThresholdEnabled: true });
    expect(lbpPage(again, 2).readUInt32BE(AVAILABLE + 4)).toBe(10);
  });

  it.each([
    ['SITUA', 4, 0x01],
    ['a reserved byte', 15, 0x80],
    ['THRESHOLD TYPE', AVAILABLE, 0x08],
    ['THRESHOLD ARMING', AVAILABLE, 0x01],
    ['THRESHOLD RESOURCE', USED + 1, 0x01],
    ['a reserved byte of a descriptor', USED + 2, 0xff],
    ['PAGE LENGTH', 3, 0x08],
    ['SUBPAGE CODE', 1, 0x01],
  ])('refuses another %s, and nothing changes', (_name, byte, bits) => {
    const harness = watched();
    const before = lbpPage(harness);
    const page = withThreshold(before, AVAILABLE, 99);
    page[byte] = page[byte]! ^ bits;
    const client = select(harness, page);
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/26/0', 4 + byte]);
    expect(lbpPage(harness).equals(before)).toBe(true);
  });

  it.each([1, 3, 4, 15, 31])('refuses a page that is cut after %i bytes', (bytes) => {
    const harness = watched();
    expect(select(harness, lbpPage(harness).subarray(0, bytes)).outcome).toBe('5/1a/0');
  });

  it('a reservation of another nexus refuses MODE SELECT', () => {
    const harness = watched();
    const page = withThreshold(lbpPage(harness), AVAILABLE, 99);
    const other = nexusOf('b');
    harness.clearAttention(other);
    harness.run([0x16, 0, 0, 0, 0, 0], { nexus: other });
    expect(select(harness, page).outcome).toBe('status 18');
    expect(harness.unit.modes.availableThresholdCount).toBe(10);
  });
});

describe('the Logical Block Provisioning VPD page', () => {
  const exponent = (options: HarnessOptions) =>
    new Harness(options).run([0x12, 1, 0xb2, 0, 255, 0], { dataIn: 255 }).data[4];

  it('has threshold sets of 1 MiB, and larger ones where there would be too many', () => {
    expect(exponent({})).toBe(11);
    expect(exponent({ unit: { blockShift: 12 } })).toBe(8);
    expect(exponent({ sizeBytes: 2 ** 52, storedBytes: SET })).toBe(12);
    expect(exponent({ unit: { isThin: false } })).toBe(0);
    expect(exponent({ capabilities: { canTellSpace: false } })).toBe(0);
  });
});
