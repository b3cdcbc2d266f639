import { describe, expect, it } from 'vitest';
import { parseByteSize } from '../../../../src/mgmt/config/byte-size.ts';

describe('byte sizes', () => {
  it.each([
    [0, 0],
    [1073741824, 2 ** 30],
    ['1073741824', 2 ** 30],
    ['512B', 512],
    ['1K', 1024],
    ['1GiB', 2 ** 30],
    ['1gib', 2 ** 30],
    ['1G', 2 ** 30],
    ['1GB', 10 ** 9],
    ['1.5 TiB', 1.5 * 2 ** 40],
    ['7P', 7 * 2 ** 50],
    [' 2MiB ', 2 ** 21],
  ])('%j is %i bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', 'GiB', '-1', '1XiB', '1.0.0K', '1Gi', '0x10', '0.3B', '8P', '1e9', 'NaN'])('%j is no size', (text) => {
    expect(parseByteSize(text)).toBeNull();
  });

  it.each([1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])('the number %d is no size', (number) => {
    expect(parseByteSize(number)).toBeNull();
  });
});
