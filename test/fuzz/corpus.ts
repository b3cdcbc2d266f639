/** Valid streams to start from: what the test initiator says in whole sessions of several kinds, PDU by PDU. */
import { encodeText } from '../../src/iscsi/codec/text.ts';
import { inquiry, read10, synchronizeCache10, unmap, write10, writeSame10 } from '../initiator/cdb.ts';
import { InitiatorSession } from '../initiator/initiator-session.ts';
import type { OutgoingPdu } from '../initiator/outgoing-pdu.ts';
import { pattern } from '../initiator/pattern.ts';
import type { InitiatorSettings } from '../initiator/settings.ts';
import { SimulatedTarget, type SimulatedTargetOptions } from '../sim/simulated-target.ts';

export interface RecordedPdu {
  readonly pdu: OutgoingPdu;
  readonly hasHeaderDigest: boolean;
  readonly hasDataDigest: boolean;
}

const KINDS: readonly Partial<InitiatorSettings>[] = [
  {},
  { hasSecurityStage: true, loginSegmentBytes: 70, firstBurstLength: 1024, maxBurstLength: 2048 },
  { initialR2T: true, immediateData: false, maxBurstLength: 4096, firstBurstLength: 512, maxOutstandingR2T: 1 },
  { hasHeaderDigest: true, hasDataDigest: true, immediateData: false, maxRecvDataSegmentLength: 513 },
  { targetName: null, maxRecvDataSegmentLength: 512 },
];

/** @param options of the targets that the streams will be sent to: their tags are in them */
export function recordCorpus(options: SimulatedTargetOptions): readonly (readonly RecordedPdu[])[] {
  return KINDS.map((settings) => record(settings, options));
}

function record(settings: Partial<InitiatorSettings>, options: SimulatedTargetOptions): readonly RecordedPdu[] {
  const target = new SimulatedTarget(options);
  const session = new InitiatorSession(settings);
  const [connection] = target.connect(session);
  const recorded: RecordedPdu[] = [];
  connection.tamper = (pdu) => {
    recorded.push({ pdu, hasHeaderDigest: connection.hasHeaderDigest, hasDataDigest: connection.hasDataDigest });
    return [pdu];
  };
  connection.logIn();
  target.time.settle();
  converse(session, () => target.time.settle());
  if (session.isOpen) throw new Error('the recorded session ends');
  return recorded;
}

function converse(session: InitiatorSession, settle: () => void): void {
  session.text(encodeText([{ key: 'SendTargets', value: '' }]), 5);
  session.ping(pattern(100));
  settle();
  if (session.settings.targetName !== null) {
    const { cdb, dataOut } = unmap(3, 2);
    session.execute(inquiry(96), { dataIn: 96 });
    session.execute(write10(0, 16), { dataOut: pattern(8192), segmentBytes: 1500 });
    session.execute(write10(1, 4), { dataOut: pattern(2048), immediateBytes: 0, attribute: 2 });
    session.execute(writeSame10(0, 32), { dataOut: pattern(512) });
    session.execute(cdb, { dataOut });
    session.execute(read10(0, 30), { dataIn: 30 * 512, isImmediate: true });
    const task = session.execute(write10(9, 8), { dataOut: pattern(4096), holdsR2ts: true, immediateBytes: 0 });
    session.manage(1, { task });
    session.manage(5);
    settle();
    session.execute(read10(5, 100), { dataIn: 100 * 512 });
    session.execute(synchronizeCache10());
  }
  settle();
  session.logOut();
  settle();
}
