/**
 * Which logical unit stands behind which LUN of one target device (SAM-5 4.6). LUNs below 256 are reported in the
 * peripheral device addressing format, the others by flat space addressing; both forms of a LUN below 256 find its unit.
 */
import { assert } from '../util/assert.ts';
import type { LogicalUnit } from './unit/logical-unit.ts';

/** The largest LUN that flat space addressing can express (SAM-5 4.6.9). */
export const LUN_MAX = 16383;
/** No logical unit number of ours: a format we do not use, or beyond the first addressing level. */
export const LUN_INVALID = -1;
/** The REPORT LUNS well known logical unit (SAM-5 4.6.11, SPC-4 8.2), as the upper half of a LUN field. */
export const REPORT_LUNS_WELL_KNOWN_HIGH = 0xc1010000;

/** The LUN in an 8-byte LUN field, 0 to LUN_MAX, or LUN_INVALID. */
export function decodeLun(lunHigh: number, lunLow: number): number {
  if (lunLow !== 0 || (lunHigh & 0xffff) !== 0) return LUN_INVALID;
  const level = lunHigh >>> 16;
  const method = level >>> 14;
  if (method === METHOD_PERIPHERAL) return level <= PERIPHERAL_LUN_MAX ? level : LUN_INVALID; // bus identifier 0
  return method === METHOD_FLAT ? level & LUN_MAX : LUN_INVALID;
}

/** The upper half of the LUN field for `lun`; the lower half is zero. */
export function encodeLunHigh(lun: number): number {
  const level = lun <= PERIPHERAL_LUN_MAX ? lun : (METHOD_FLAT << 14) | lun;
  return (level << 16) >>> 0;
}

export class LunMap {
  private readonly units: (LogicalUnit | null)[] = [];
  private size = 0;

  get count(): number {
    return this.size;
  }

  /** The unit behind `lun` (LUN_INVALID allowed), or null. */
  get(lun: number): LogicalUnit | null {
    return this.units[lun] ?? null;
  }

  /** The LUN of a unit that stands here; of several the lowest. LUN_INVALID when it does not. */
  lunOf(unit: LogicalUnit): number {
    return this.units.indexOf(unit);
  }

  set(lun: number, unit: LogicalUnit): void {
    assert(Number.isInteger(lun) && lun >= 0 && lun <= LUN_MAX, 'a LUN has 14 bits');
    assert(this.get(lun) === null, 'a LUN is given once');
    while (this.units.length <= lun) this.units.push(null);
    this.units[lun] = unit;
    this.size += 1;
  }

  /** Returns the unit that stood there, or null. */
  delete(lun: number): LogicalUnit | null {
    const unit = this.get(lun);
    if (unit === null) return null;
    this.units[lun] = null;
    this.size -= 1;
    return unit;
  }

  /** Calls `visitor` for each LUN in use, in ascending order. */
  visit(visitor: (unit: LogicalUnit, lun: number) => void): void {
    for (let lun = 0; lun < this.units.length; lun++) {
      const unit = this.get(lun);
      if (unit !== null) visitor(unit, lun);
    }
  }
}

// Address methods, bits 7 and 6 of a level's first byte (SAM-5 4.6.6).
const METHOD_PERIPHERAL = 0;
const METHOD_FLAT = 1;
const PERIPHERAL_LUN_MAX = 255;
