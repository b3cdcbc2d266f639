/** Ways to spoil a stream of PDUs, from one bit to the order of all. */

import { OutgoingPdu } from '../initiator/outgoing-pdu.ts';
import type { SeededRandom } from '../random.ts';
import type { RecordedPdu } from './corpus.ts';

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff, 0x200, 0x2000, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const OPCODES = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x1c, 0x20, 0x3f];
const MUTATIONS_MAX = 6;

/** The bytes of a spoiled copy of `stream`. */
export function mutate(stream: readonly RecordedPdu[], random: SeededRandom): Buffer {
  const pdus = stream.map(copy);
  // Most spoil what comes after login: before it little is understood.
  const first = random.below(4) === 0 ? 0 : Math.min(pdus.length - 1, 1 + random.below(4));
  for (let count = random.below(MUTATIONS_MAX); count >= 0; count--) spoil(pdus, first, random);
  const pieces = pdus.map(({ pdu, hasHeaderDigest, hasDataDigest }) => pdu.encode(hasHeaderDigest, hasDataDigest));
  const bytes = Buffer.concat(pieces);
  if (random.below(8) === 0 && bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
}

/** Bytes without any sense. */
export function noise(random: SeededRandom): Buffer {
  const bytes = Buffer.alloc(1 + random.below(3000));
  random.fill(bytes, 0, bytes.length);
  return bytes;
}

function copy({ pdu, hasHeaderDigest, hasDataDigest }: RecordedPdu): RecordedPdu {
  const made = new OutgoingPdu();
  pdu.header.copy(made.header);
  made.ahs = pdu.ahs;
  made.data = Buffer.from(pdu.data);
  return { pdu: made, hasHeaderDigest, hasDataDigest };
}

function spoil(pdus: RecordedPdu[], first: number, random: SeededRandom): void {
  if (pdus.length <= first) return;
  const at = first + random.below(pdus.length - first);
  const chosen = pdus[at]!;
  const { pdu } = chosen;
  const { header, view, data } = pdu;
  switch (random.below(12)) {
    case 0:
      header[random.below(48)]! ^= 1 << random.below(8);
      return;
    case 1:
      view.setUint32(random.below(12) * 4, INTERESTING[random.below(INTERESTING.length)]!);
      return;
    case 2:
      view.setUint32(random.below(12) * 4, random.below(2 ** 32));
      return;
    case 3: // numbers and offsets a little off
      view.setUint32(16 + random.below(8) * 4, (view.getUint32(16 + random.below(8) * 4) + random.below(5) - 2) >>> 0);
      return;
    case 4:
      header[0] = OPCODES[random.below(OPCODES.length)]! | (random.below(2) << 6);
      return;
    case 5:
      header[1]! ^= 0x80 >> random.below(4);
      return;
    case 6:
      pdus.splice(at, 1);
      return;
    case 7:
      pdus.splice(first + random.below(pdus.length - first), 0, copy(chosen));
      return;
    case 8:
      pdus.push(...pdus.splice(at, 1));
      return;
    case 9:
      pdu.data = Buffer.alloc(random.below(20_000), 0x61);
      pdu.fitLengths();
      return;
    case 10:
      pdu.ahs = Buffer.alloc(4 * random.below(6));
      random.fill(pdu.ahs, 0, pdu.ahs.length);
      pdu.fitLengths();
      return;
    default:
      if (data.length > 0) data[random.below(data.length)] = random.below(256);
  }
}
