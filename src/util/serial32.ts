/**
 * Serial number arithmetic on 32 bits (RFC 1982), which RFC 7143 4.2.2.1 prescribes for CmdSN, StatSN, DataSN and R2TSN.
 * All values are unsigned: 0 <= n <= 0xffffffff.
 */

/** n + delta modulo 2^32; delta may be negative. */
export function serialAdd(n: number, delta: number): number {
  return (n + delta) >>> 0;
}

/** a < b in serial arithmetic. Undefined by the RFC (here: true) when they are 2^31 apart. */
export function serialLess(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** a <= b in serial arithmetic. */
export function serialLessOrEqual(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** a - b as a signed distance, -2^31 <= distance < 2^31. */
export function serialDistance(a: number, b: number): number {
  return (a - b) | 0;
}
