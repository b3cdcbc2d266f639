/** One random run: a few initiators against one logical unit, over bad wires and a bad store, all decided by a seed. */
import { IO_MEDIUM_ERROR, IO_NO_SPACE, IO_OK } from '../../src/backend/backend.ts';
import { crc32cPortable } from '../../src/iscsi/codec/digest.ts';
import type { Authentication } from '../../src/iscsi/protocol/login/auth.ts';
import { CHAP_ALGORITHMS, ChapSecret } from '../../src/iscsi/protocol/login/chap.ts';
import { ChapAuthentication } from '../../src/iscsi/protocol/login/chap-authenticator.ts';
import { ChapChallenges } from '../../src/iscsi/protocol/login/chap-challenges.ts';
import { OPEN_TARGET } from '../../src/iscsi/protocol/session/target-node.ts';
import { NodeChapCrypto } from '../../src/mgmt/chap-crypto.ts';
import { SEGMENT_BYTES_MAX, type SlotClass } from '../../src/util/slot-pool.ts';
import { ChapScript } from '../initiator/chap-script.ts';
import { SECURITY_NONE } from '../initiator/login-script.ts';
import type { InitiatorSettings } from '../initiator/settings.ts';
import { type SeededRandom, seededRandom } from '../random.ts';
import { DiskModel } from './disk-model.ts';
import { RandomClient } from './random-client.ts';
import { BLOCK_BYTES, SimulatedTarget, SLOT_CLASSES } from './simulated-target.ts';
import type { WireOptions } from './simulated-wire.ts';

const BLOCK_COUNT = 1024;

const CONNECTIONS_MAX = 4;
const CHAP_USER = 'host';
const CHAP_SECRET = 'a secret of some bytes';

/** So few that commands wait for each other's. */
const SCARCE_SLOTS: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 6 },
  { capacityBytes: 65536, count: 4 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 4 },
];

export interface RunResult {
  /** Null when all was well. */
  readonly fault: string | null;
  readonly loginCount: number;
  /** Further connections of these sessions. */
  readonly joinCount: number;
  /** Of everything that went over every wire, with its time. */
  readonly traceHash: number;
}

export function runRandomSessions(seed: number): RunResult {
  const random = seededRandom(seed);
  const slotClasses = random.below(3) === 0 ? SCARCE_SLOTS : SLOT_CLASSES;
  const commandWindow = 1 + random.below(24);
  const hasChap = random.below(4) === 0;
  const target = new SimulatedTarget({
    blockCount: BLOCK_COUNT,
    slotClasses,
    limits: { commandWindow },
    offers: { MaxConnections: CONNECTIONS_MAX },
    guard: hasChap ? { authentication: chapAuthentication(random), access: null } : OPEN_TARGET,
  });
  target.unit.setModes({ ...target.unit.modes, isTaskAbortedStatus: random.below(3) === 0 });
  const model = new DiskModel(BLOCK_COUNT);
  const trace = new Trace(() => target.time.nowMs());
  makeStoreFaulty(target, random);
  const clients: RandomClient[] = [];
  const clientCount = 1 + random.below(4);
  for (let i = 0; i < clientCount; i++) {
    const settings = { ...randomSettings(random, i), ...(hasChap ? { hasSecurityStage: true } : {}) };
    const isLossy = random.below(4) === 0;
    const security = hasChap ? () => chapScript(random) : SECURITY_NONE;
    const isDamaging = settings.hasDataDigest === true && random.below(2) === 0;
    const wireOptions = () => badWire(random, trace, isDamaging, isLossy);
    const restlessness = random.below(3) === 0 ? 30 : 4;
    const world = { target, model, random, blockCount: BLOCK_COUNT, wireOptions, security, isLossy, restlessness };
    clients.push(new RandomClient(world, settings, 1 + random.below(12), 20 + random.below(60)));
  }
  let fault: string | null = null;
  try {
    for (const client of clients) client.logIn();
    target.time.settle();
    fault = clients.map(({ unfinished }) => unfinished).find((what) => what !== null) ?? target.leftover;
    fault ??= model.settle(target.backend.bytes);
  } catch (error) {
    fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const loginCount = clients.reduce((count, client) => count + client.loginCount, 0);
  const joinCount = clients.reduce((count, client) => count + client.joinCount, 0);
  return { fault, loginCount, joinCount, traceHash: trace.hash };
}

class Trace {
  hash = 0;
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  add(kind: string, bytes: Buffer): void {
    const head = Buffer.from(`${kind}${this.nowMs()} `);
    this.hash = crc32cPortable(crc32cPortable(this.hash, head, 0, head.length), bytes, 0, bytes.length);
  }
}

function makeStoreFaulty(target: SimulatedTarget, random: SeededRandom): void {
  const slownessMs = 1 + random.below(30);
  const isFailing = random.below(2) === 0;
  target.backend.faults = {
    // A few take long enough for their connection to be replaced meanwhile.
    delayMs: () => (random.below(20) === 0 ? random.below(400) : random.below(slownessMs)),
    status: () => {
      if (!isFailing || random.below(100) > 2) return IO_OK;
      return random.below(4) === 0 ? IO_NO_SPACE : IO_MEDIUM_ERROR;
    },
    doneBytes: (io) => random.below(io.lengthBytes / BLOCK_BYTES + 1) * BLOCK_BYTES,
  };
}

function randomSettings(random: SeededRandom, index: number): Partial<InitiatorSettings> {
  const pick = (values: readonly number[]) => values[random.below(values.length)]!;
  const isSet = () => random.below(2) === 0;
  const maxBurstLength = pick([512, 4096, 10_001, 65_536, 262_144, 1_048_576]);
  const hasDigests = isSet();
  return {
    initiatorName: `iqn.2001-04.com.example:host${random.below(2)}`,
    isidLow: index + 1,
    cmdSN: pick([1, 0xfffffff0, 0x7ffffff0, random.below(2 ** 32)]),
    hasHeaderDigest: hasDigests,
    hasDataDigest: hasDigests,
    maxBurstLength,
    firstBurstLength: Math.min(maxBurstLength, pick([512, 1000, 8192, 65_536])),
    maxRecvDataSegmentLength: pick([512, 513, 4096, 65_536, 262_144]),
    maxOutstandingR2T: pick([1, 2, 8]),
    maxConnections: 1 + random.below(CONNECTIONS_MAX),
    initialR2T: isSet(),
    immediateData: isSet(),
    hasSecurityStage: isSet(),
    loginSegmentBytes: pick([100, 8192]),
  };
}

/** Delays, cuts reads anywhere, changes a bit now and then where digests will tell, and loses or repeats whole PDUs. */
function badWire(random: SeededRandom, trace: Trace, isDamaging: boolean, isLossy: boolean): Partial<WireOptions> {
  const slownessMs = 1 + random.below(10);
  return {
    delayMs: () => (random.below(3) === 0 ? random.below(slownessMs) : 0),
    copies: (bytes, isToTarget) => {
      if (!isLossy || random.below(150) > 0 || isLogin(bytes, isToTarget)) return 1;
      return random.below(2) * 2;
    },
    readBytes: (available) => (random.below(2) === 0 ? available : 1 + random.below(available)),
    damage: (bytes, isToTarget) => {
      if (!isDamaging || random.below(150) > 0 || isLogin(bytes, isToTarget)) return;
      const at = random.below(bytes.length);
      bytes[at] = bytes[at]! ^ (1 << random.below(8));
    },
    trace: (kind, bytes) => trace.add(kind, bytes),
  };
}

/** CHAP whose challenges are had again with the seed. */
class SeededChapCrypto extends NodeChapCrypto {
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    super();
    this.random = random;
  }

  override randomBytes(lengthBytes: number): Uint8Array {
    return Uint8Array.from({ length: lengthBytes }, () => this.random.below(256));
  }
}

function chapAuthentication(random: SeededRandom): Authentication {
  const users = new Map([[CHAP_USER, new ChapSecret(Buffer.from(CHAP_SECRET))]]);
  const policy = { algorithms: CHAP_ALGORITHMS, users, mutual: null };
  return new ChapAuthentication(policy, new SeededChapCrypto(random), new ChapChallenges());
}

function chapScript(random: SeededRandom): ChapScript {
  const isHasty = random.below(2) === 0;
  const isBase64 = random.below(2) === 0;
  return new ChapScript({ user: CHAP_USER, secret: CHAP_SECRET }, { isHasty, isBase64 });
}

/** Digests come with full feature phase. */
function isLogin(bytes: Buffer, isToTarget: boolean): boolean {
  return (bytes[0]! & 0x3f) === (isToTarget ? 0x03 : 0x23);
}
