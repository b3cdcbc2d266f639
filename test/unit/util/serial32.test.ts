import { describe, expect, it } from 'vitest';
import { serialAdd, serialDistance, serialLess, serialLessOrEqual } from '../../../src/util/serial32.ts';

const LAST = 0xffffffff;

describe('serial number arithmetic on 32 bits', () => {
  it('adding wraps in both directions and stays unsigned', () => {
    expect(serialAdd(LAST, 1)).toBe(0);
    expect(serialAdd(0, -1)).toBe(LAST);
    expect(serialAdd(0x7fffffff, 1)).toBe(0x80000000);
    expect(serialAdd(LAST, LAST)).toBe(LAST - 1);
    expect(serialAdd(5, 0)).toBe(5);
  });

  it.each([0, 1, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, LAST - 1, LAST])('order holds around %d', (n) => {
    for (const delta of [1, 2, 1000, 0x7fffffff]) {
      const later = serialAdd(n, delta);
      expect(serialLess(n, later)).toBe(true);
      expect(serialLess(later, n)).toBe(false);
      expect(serialLessOrEqual(n, later)).toBe(true);
      expect(serialLessOrEqual(later, n)).toBe(false);
      expect(serialDistance(later, n)).toBe(delta);
      expect(serialDistance(n, later)).toBe(-delta);
    }
    expect(serialLess(n, n)).toBe(false);
    expect(serialLessOrEqual(n, n)).toBe(true);
    expect(serialDistance(n, n)).toBe(0);
  });

  it('the distance of two numbers 2^31 apart is the smallest one', () => {
    expect(serialDistance(0x80000000, 0)).toBe(-(2 ** 31));
    expect(serialDistance(0, 0x80000000)).toBe(-(2 ** 31));
  });
});
