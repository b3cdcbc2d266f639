import { describe, expect, it } from 'vitest';
import {
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_OK,
  IO_WRITE_PROTECTED,
} from '../../../../src/backend/backend.ts';
import { Durability } from '../../../../src/backend/io/durability.ts';

const EIO = 5;

function ignore(): void {
  return;
}

describe('durability', () => {
  it('a loss is told once', () => {
    let told = 0;
    const durability = new Durability(() => {
      told += 1;
    });
    durability.statusOfFlush(0);
    durability.statusOfFuaWrite(IO_NO_SPACE);
    expect(told).toBe(0);
    for (let i = 0; i < 2; i++) {
      durability.statusOfFlush(EIO);
      durability.statusOfFuaWrite(IO_MEDIUM_ERROR);
      expect(told).toBe(1);
    }
  });

  it('flushes and FUA writes that end well are good', () => {
    const durability = new Durability(ignore);
    expect(durability.statusOfFlush(0)).toBe(IO_OK);
    expect(durability.statusOfFuaWrite(IO_OK)).toBe(IO_OK);
    expect(durability.isLost).toBe(false);
  });

  it.each([EIO, -EIO])('after a flush that failed (errno %d) no later flush or FUA write is good', (errno) => {
    const durability = new Durability(ignore);
    expect(durability.statusOfFlush(errno)).toBe(IO_HARDWARE_ERROR);
    expect(durability.isLost).toBe(true);
    expect(durability.statusOfFlush(0)).toBe(IO_HARDWARE_ERROR);
    expect(durability.statusOfFuaWrite(IO_OK)).toBe(IO_HARDWARE_ERROR);
  });

  it.each([IO_MEDIUM_ERROR, IO_HARDWARE_ERROR] as const)(
    'a FUA write with status %d may be the report of lost writes',
    (status) => {
      const durability = new Durability(ignore);
      expect(durability.statusOfFuaWrite(status)).toBe(status);
      expect(durability.statusOfFlush(0)).toBe(IO_HARDWARE_ERROR);
    },
  );

  it.each([IO_NO_SPACE, IO_WRITE_PROTECTED] as const)('a FUA write with status %d concerns itself alone', (status) => {
    const durability = new Durability(ignore);
    expect(durability.statusOfFuaWrite(status)).toBe(status);
    expect(durability.statusOfFlush(0)).toBe(IO_OK);
  });
});
