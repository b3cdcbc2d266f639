/** Addresses on a disc (MMC-4 4.2): the one session and the one track that an image is, and LBAs as minutes, seconds, frames. */

export const FIRST_SESSION = 1;
export const FIRST_TRACK = 1;
/** ADR 1h, CONTROL 4h: a data track, recorded without interruption. */
export const DATA_TRACK = 0x14;

/** An ADDRESS field of four bytes, as LBA or in time. */
export function writeAddress(out: Buffer, at: number, lba: number, isInTime: boolean): void {
  if (!isInTime) {
    out.writeUInt32BE(Math.min(lba, UINT32_MAX), at);
    return;
  }
  out[at] = 0;
  writeMsf(out, at + 1, lba);
}

/** Three bytes; the last of them all (255:59:74) for what lies beyond, as on a DVD. */
export function writeMsf(out: Buffer, at: number, lba: number): void {
  const frames = Math.min(lba + LEAD_IN_FRAMES, FRAMES_MAX);
  out[at] = Math.floor(frames / FRAMES_PER_MINUTE);
  out[at + 1] = Math.floor(frames / FRAMES_PER_SECOND) % SECONDS_PER_MINUTE;
  out[at + 2] = frames % FRAMES_PER_SECOND;
}

const UINT32_MAX = 0xffffffff;
const FRAMES_PER_SECOND = 75;
const SECONDS_PER_MINUTE = 60;
const FRAMES_PER_MINUTE = FRAMES_PER_SECOND * SECONDS_PER_MINUTE;
/** LBA 0 is 00:02:00. */
const LEAD_IN_FRAMES = 2 * FRAMES_PER_SECOND;
const FRAMES_MAX = 256 * FRAMES_PER_MINUTE - 1;
