/**
 * Text requests and responses of one connection in full feature phase (RFC 7143 11.10, 11.11, 6.2): one exchange at a time,
 * joined from as many requests as the initiator cuts it into, answered in as many responses as its
 * MaxRecvDataSegmentLength asks for.
 */
import { NO_TAG, REJECT_INVALID_PDU_FIELD, REJECT_PROTOCOL_ERROR } from '../../codec/constants.ts';
import { encodeText, parseText, TextAssembler, type TextPair, TextSegmenter } from '../../codec/text.ts';
import type { PduWriter } from '../connection/pdu-writer.ts';

export interface TextRequestFields {
  readonly lunHigh: number;
  readonly lunLow: number;
  readonly initiatorTaskTag: number;
  readonly targetTransferTag: number;
  readonly isFinal: boolean;
  readonly isContinued: boolean;
}

/** Who gives text its meaning. */
export interface TextHandler {
  /** The answer to one whole text, or a Reject reason. */
  answer(pairs: readonly TextPair[]): readonly TextPair[] | number;
  nextTargetTransferTag(): number;
  /** The initiator's MaxRecvDataSegmentLength as it is now. */
  readonly peerSegmentBytes: number;
}

export class TextExchange {
  private readonly writer: PduWriter;
  private readonly handler: TextHandler;
  private readonly request = new TextAssembler();
  private readonly response = new TextSegmenter();
  /** The exchange that waits for its next request; NO_TAG when none does. */
  private openTag = NO_TAG;
  private openTaskTag = NO_TAG;

  constructor(writer: PduWriter, handler: TextHandler) {
    this.writer = writer;
    this.handler = handler;
  }

  /**
   * One Text Request with its data segment, borrowed for this call.
   * @returns 0, or a Reject reason
   */
  take(fields: TextRequestFields, data: Uint8Array): number {
    if (fields.isFinal && fields.isContinued) return REJECT_PROTOCOL_ERROR; // 11.10.2
    if (fields.targetTransferTag === NO_TAG) this.reset();
    else if (fields.targetTransferTag !== this.openTag || fields.initiatorTaskTag !== this.openTaskTag) {
      return REJECT_INVALID_PDU_FIELD;
    }
    if (this.response.isContinued) return this.sendNext(fields, data);
    if (!this.request.append(data, 0, data.length)) return this.abandon(REJECT_PROTOCOL_ERROR);
    if (fields.isContinued) {
      this.open(fields);
      this.writer.textResponse(
        fields.lunHigh,
        fields.lunLow,
        fields.initiatorTaskTag,
        this.openTag,
        false,
        false,
        null,
      );
      return 0;
    }
    return this.answer(fields);
  }

  private answer(fields: TextRequestFields): number {
    const { pairs, fault, duplicateKey } = parseText(this.request.take());
    // 6.4: a key comes once; before anything is taken over.
    if (fault !== null || duplicateKey !== null) return this.abandon(REJECT_PROTOCOL_ERROR);
    const answer = this.handler.answer(pairs);
    if (typeof answer === 'number') return this.abandon(answer);
    this.response.start(encodeText(answer));
    this.respond(fields);
    return 0;
  }

  /** The initiator asks for the rest of a long answer with an empty request (6.2). */
  private sendNext(fields: TextRequestFields, data: Uint8Array): number {
    if (data.length > 0) return this.abandon(REJECT_PROTOCOL_ERROR);
    this.respond(fields);
    return 0;
  }

  private respond(fields: TextRequestFields): void {
    const segment = Buffer.from(this.response.next(this.handler.peerSegmentBytes));
    const { isContinued } = this.response;
    // Without F in the request the initiator wants to go on (11.11.1); F goes out only as an answer to F.
    const isFinal = fields.isFinal && !isContinued;
    if (isFinal) this.reset();
    else this.open(fields);
    const { lunHigh, lunLow, initiatorTaskTag } = fields;
    this.writer.textResponse(lunHigh, lunLow, initiatorTaskTag, this.openTag, isFinal, isContinued, segment);
  }

  private open(fields: TextRequestFields): void {
    if (this.openTag === NO_TAG) this.openTag = this.handler.nextTargetTransferTag();
    this.openTaskTag = fields.initiatorTaskTag;
  }

  private abandon(reason: number): number {
    this.reset();
    return reason;
  }

  private reset(): void {
    this.openTag = NO_TAG;
    this.openTaskTag = NO_TAG;
    this.request.clear();
    this.response.start(NOTHING);
  }
}

const NOTHING = new Uint8Array(0);
