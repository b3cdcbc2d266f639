import { describe, expect, it } from 'vitest';
import { NO_SERVICE_ACTION } from '../../../../src/scsi/command/command-entry.ts';
import { Harness, uint32 } from '../device-harness.ts';

function rsoc(options: number, code = 0, action = 0, allocationLength = 0xffff): number[] {
  return [0xa3, 0x0c, options, code, action >>> 8, action & 0xff, ...uint32(allocationLength), 0, 0];
}

interface Command {
  code: number;
  action: number;
  hasAction: boolean;
  cdbBytes: number;
}

function allCommands(harness: Harness, timeouts = false): Command[] {
  const { data } = harness.run(rsoc(timeouts ? 0x80 : 0), { dataIn: 0xffff });
  expect(data.readUInt32BE(0)).toBe(data.length - 4);
  const size = timeouts ? 20 : 8;
  const found = [];
  for (let at = 4; at < data.length; at += size) {
    expect((data[at + 5]! & 2) !== 0).toBe(timeouts);
    if (timeouts) expect(data.readUInt16BE(at + 8)).toBe(10);
    found.push({
      code: data[at]!,
      action: data.readUInt16BE(at + 2),
      hasAction: (data[at + 5]! & 1) !== 0,
      cdbBytes: data.readUInt16BE(at + 6),
    });
  }
  return found;
}

/** As the table has them, those included that the list of all commands leaves out. */
function offeredCommands(harness: Harness): Command[] {
  return harness.context.table.entries
    .filter((entry) => entry.isOffered(harness.unit))
    .map(({ operationCode, serviceAction, cdbBytes }) => {
      const hasAction = serviceAction !== NO_SERVICE_ACTION;
      return { code: operationCode, action: hasAction ? serviceAction : 0, hasAction, cdbBytes };
    });
}

/** CDB lengths by the group code of SPC-4 4.2.2.1. */
function groupLength(code: number): number {
  return code === 0x7f ? 32 : ([6, 10, 10, 0, 16, 12][code >>> 5] ?? 0);
}

/** A CDB of zeros for a command. */
function emptyCdb(code: number, action: number, hasAction: boolean): number[] {
  if (code === 0x7f) return [code, 0, 0, 0, 0, 0, 0, 24, action >>> 8, action & 0xff, ...new Array<number>(22).fill(0)];
  return [code, hasAction ? action : 0, ...new Array<number>(14).fill(0)];
}

describe('REPORT SUPPORTED OPERATION CODES', () => {
  it('lists every command but those of variable length once, with the length of its group', () => {
    const harness = new Harness();
    const commands = allCommands(harness);
    const offered = offeredCommands(harness);
    expect(commands).toEqual(offered.filter(({ code }) => code !== 0x7f));
    expect(new Set(offered.map(({ code, action }) => `${code}/${action}`)).size).toBe(offered.length);
    for (const { code, action, hasAction, cdbBytes } of offered) {
      expect(cdbBytes).toBe(groupLength(code));
      if (!hasAction) expect(action).toBe(0);
    }
  });

  it('gives timeouts when asked', () => {
    expect(allCommands(new Harness(), true)).toEqual(allCommands(new Harness()));
  });

  it('reports one command in the way that suits it, and refuses the other', () => {
    const harness = new Harness();
    for (const { code, action, hasAction, cdbBytes } of offeredCommands(harness)) {
      const good = harness.run(rsoc(hasAction ? 2 : 1, code, action), { dataIn: 255 });
      expect(good.outcome).toBe('status 0');
      expect(good.data[1]).toBe(3);
      expect(good.data.readUInt16BE(2)).toBe(cdbBytes);
      expect(good.data.length).toBe(4 + cdbBytes);
      expect(good.data[4]).toBe(code);
      if (hasAction) expect(code === 0x7f ? good.data.readUInt16BE(12) : good.data[5]! & 0x1f).toBe(action);
      const either = harness.run(rsoc(3, code, action), { dataIn: 255 });
      expect(either.data.equals(good.data)).toBe(true);
      expect(harness.run(rsoc(hasAction ? 1 : 2, code, action), { dataIn: 255 }).outcome).toBe('5/24/0');
    }
  });

  it('with timeouts appends their descriptor to one command', () => {
    const { data } = new Harness().run(rsoc(0x81, 0x28), { dataIn: 255 });
    expect(data[1]).toBe(0x83);
    expect(data.length).toBe(4 + 10 + 12);
    expect(data.readUInt16BE(14)).toBe(10);
  });

  it('tells of READ(32) whoever asks for it', () => {
    const harness = new Harness();
    for (const options of [2, 3]) {
      const { data } = harness.run(rsoc(options, 0x7f, 0x0009), { dataIn: 255 });
      expect(data.subarray(0, 14).toString('hex')).toBe('000300207f04000000003f180009');
    }
  });

  it('shows the usage of READ(10)', () => {
    const { data } = new Harness().run(rsoc(1, 0x28), { dataIn: 255 });
    expect(data.subarray(4).toString('hex')).toBe('2818ffffffff3fffff04');
  });

  it('says what is not supported', () => {
    const harness = new Harness();
    expect([...harness.run(rsoc(1, 0xc0), { dataIn: 255 }).data]).toEqual([0, 1, 0, 0]);
    expect([...harness.run(rsoc(2, 0x9e, 0x1f), { dataIn: 255 }).data]).toEqual([0, 1, 0, 0]);
    expect([...harness.run(rsoc(3, 0x9e, 0x10f), { dataIn: 255 }).data]).toEqual([0, 1, 0, 0]);
    expect([...harness.run(rsoc(3, 0x28, 1), { dataIn: 255 }).data]).toEqual([0, 1, 0, 0]);
    for (const options of [4, 5, 6, 7]) expect(harness.run(rsoc(options), { dataIn: 255 }).outcome).toBe('5/24/0');
  });

  it('does not list UNMAP where there is none', () => {
    const harness = new Harness({ unit: { isThin: false } });
    expect(allCommands(harness).some(({ code }) => code === 0x42)).toBe(false);
    expect([...harness.run(rsoc(1, 0x42), { dataIn: 255 }).data]).toEqual([0, 1, 0, 0]);
  });

  it('knows exactly what is not refused as unknown', () => {
    const harness = new Harness();
    const known = new Set(
      offeredCommands(harness).map(({ code, action, hasAction }) => (hasAction ? `${code}/${action}` : `${code}`)),
    );
    for (let code = 0; code < 256; code++) {
      const hasActions = harness.context.table.hasServiceActions(code);
      for (let action = 0; action < (hasActions ? 32 : 1); action++) {
        const { outcome } = harness.run(emptyCdb(code, action, hasActions), { dataIn: 255 });
        const isUnknown = hasActions ? outcome === '5/24/0' && isAtServiceAction(harness) : outcome === '5/20/0';
        expect([code, action, !isUnknown]).toEqual([
          code,
          action,
          known.has(hasActions ? `${code}/${action}` : `${code}`),
        ]);
        harness.run([0x1b, 0, 0, 0, 1, 0]); // START STOP UNIT with zeros has stopped the unit
      }
    }
  });
});

function isAtServiceAction(harness: Harness): boolean {
  const { cdb, senseFieldPointer } = harness.ended.at(-1)!.command;
  return senseFieldPointer === (cdb[0] === 0x7f ? (0x40 << 16) | 8 : (0x4c << 16) | 1);
}

describe('CDB checks', () => {
  it('every reserved bit of every command is an invalid field and is pointed at', () => {
    const harness = new Harness();
    for (const { code, action, hasAction, cdbBytes } of offeredCommands(harness)) {
      const { data } = harness.run(rsoc(3, code, action), { dataIn: 255 });
      const usage = Buffer.from(data.subarray(4));
      if (code === 0x7f) usage.fill(0xff, 7, 10);
      else if (hasAction) usage[1] = usage[1]! | 0x1f;
      for (let bit = 8; bit < cdbBytes * 8; bit++) {
        const byte = bit >>> 3;
        const mask = 1 << (bit & 7);
        if ((usage[byte]! & mask) !== 0) continue;
        const cdb = emptyCdb(code, action, hasAction);
        cdb[byte] = cdb[byte]! | mask;
        const client = harness.start(cdb, { dataIn: 255 });
        expect([code, bit, client.outcome]).toEqual([code, bit, '5/24/0']);
        expect(client.command.senseFieldPointer).toBe(((0x48 | (bit & 7)) << 16) | byte);
      }
    }
    expect(harness.backend.log).toHaveLength(0);
  });

  it('NACA is taken by every command of a unit, and refused where there is no task set', () => {
    const harness = new Harness();
    expect(harness.run([0x00, 0, 0, 0, 0, 0x04]).outcome).toBe('status 0');
    for (const { usage, operationCode } of harness.context.table.entries) {
      const at = operationCode === 0x7f ? 1 : usage.length - 1;
      expect([operationCode, usage[at]! & 0xc7]).toEqual([operationCode, 0x04]);
    }
    const client = harness.run([0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x04], { lunHigh: 0xc1010000, dataIn: 256 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x4a << 16) | 11);
  });

  it('what stands behind the CDB is padding', () => {
    const harness = new Harness();
    expect(harness.run([0x00, 0, 0, 0, 0, 0, 1, 2, 3]).outcome).toBe('status 0');
    expect(harness.run([0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9]).outcome).toBe('status 0');
  });

  it('a variable length CDB says the length of its command, and has it', () => {
    const harness = new Harness();
    const cdb = emptyCdb(0x7f, 0x0009, true);
    for (const length of [0, 8, 16, 23, 25, 255]) {
      cdb[7] = length;
      const client = harness.run(cdb);
      expect(client.outcome).toBe('5/24/0');
      expect(client.command.senseFieldPointer).toBe((0x40 << 16) | 7);
    }
    cdb[7] = 24;
    expect(harness.run(cdb, { cdbBytes: 16 }).command.senseFieldPointer).toBe((0x40 << 16) | 16);
  });

  it('a CDB that is too short is an invalid field', () => {
    const client = new Harness().run([0x28, 0, 0, 0, 0, 0], { cdbBytes: 6 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x40 << 16) | 6);
  });

  it('unknown operation codes and unknown service actions are told apart', () => {
    const harness = new Harness();
    expect(harness.run([0xc0]).outcome).toBe('5/20/0');
    expect(harness.run(emptyCdb(0x7f, 0x0009, true)).outcome).toBe('status 0');
    expect(harness.run(emptyCdb(0x7f, 0x0109, true)).outcome).toBe('5/24/0');
    expect(harness.run(emptyCdb(0x7f, 0xffff, true)).outcome).toBe('5/24/0');
    expect(harness.run([0x9f, 0x11]).outcome).toBe('5/20/0');
    expect(harness.run([0x9e, 0x1f]).outcome).toBe('5/24/0');
  });
});

describe('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS', () => {
  const rstmf = (options: number, length: number) => [0xa3, 0x0d, options, 0, 0, 0, ...uint32(length), 0, 0];

  it('names those that have an effect', () => {
    const harness = new Harness();
    expect([...harness.run(rstmf(0, 4), { dataIn: 64 }).data]).toEqual([0xf8, 0, 0, 0]);
    expect(harness.run(rstmf(0x80, 255), { dataIn: 64 }).data.toString('hex')).toBe(`f800000c${'00'.repeat(12)}`);
    expect(harness.run(rstmf(0, 3), { dataIn: 64 }).outcome).toBe('5/24/0');
  });
});
