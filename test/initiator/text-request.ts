/** One text negotiation in full feature phase (RFC 7143 11.10, 11.11): as many requests and responses as it takes. */
import { NO_TAG } from '../../src/iscsi/codec/constants.ts';
import { writeTextRequest } from '../../src/iscsi/codec/encode-initiator.ts';
import { parseText, type TextPair, TextSegmenter } from '../../src/iscsi/codec/text.ts';
import type { IncomingPdu } from './incoming-pdu.ts';
import type { InitiatorConnection } from './initiator-connection.ts';
import { OutgoingPdu } from './outgoing-pdu.ts';
import { demand } from './violation.ts';

export class TextRequest {
  readonly initiatorTaskTag: number;
  isDone = false;
  /** Text Responses that came. */
  responseCount = 0;
  private readonly connection: InitiatorConnection;
  private readonly number: (send: (cmdSN: number) => void) => void;
  private readonly segmentBytes: number;
  private readonly segmenter = new TextSegmenter();
  private readonly pieces: Buffer[] = [];
  private targetTransferTag = NO_TAG;
  private isImmediate = false;

  constructor(
    connection: InitiatorConnection,
    initiatorTaskTag: number,
    text: Uint8Array,
    segmentBytes: number,
    number: (send: (cmdSN: number) => void) => void,
  ) {
    this.connection = connection;
    this.initiatorTaskTag = initiatorTaskTag;
    this.segmentBytes = segmentBytes;
    this.number = number;
    this.segmenter.start(text);
  }

  begin(isImmediate: boolean): void {
    this.isImmediate = isImmediate;
    this.sendNext();
  }

  /** What the target said, once isDone. */
  get pairs(): readonly TextPair[] {
    const { fault, pairs } = parseText(Buffer.concat(this.pieces));
    demand(fault === null, `6.1: the text of a response is malformed: ${fault}`);
    return pairs;
  }

  onPdu({ bhs, data }: IncomingPdu): void {
    this.responseCount += 1;
    demand(data.length <= this.connection.settings.maxRecvDataSegmentLength, '13.12: our MaxRecvDataSegmentLength');
    demand(!(bhs.isFinal && bhs.isContinued), '11.11.2: C and F exclude each other');
    demand(bhs.isFinal === (bhs.targetTransferTag === NO_TAG), '11.11.4: the tag says whether more is awaited');
    this.targetTransferTag = bhs.targetTransferTag;
    this.pieces.push(data);
    if (bhs.isFinal) this.isDone = true;
    else this.sendNext();
  }

  private sendNext(): void {
    const text = this.segmenter.next(this.segmentBytes);
    const { isContinued } = this.segmenter;
    this.number((cmdSN) => {
      const pdu = new OutgoingPdu();
      pdu.data = Buffer.from(text);
      const { connection, initiatorTaskTag: tag, targetTransferTag: ttt, isImmediate } = this;
      const expStatSN = connection.expStatSN ?? 0;
      const isFinal = !isContinued;
      const { view } = pdu;
      writeTextRequest(view, 0, isImmediate, isFinal, isContinued, 0, 0, tag, ttt, cmdSN, expStatSN, text.length);
      connection.send(pdu);
    });
  }
}
