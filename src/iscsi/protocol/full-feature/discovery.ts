/** The full feature phase of a discovery session (RFC 7143 4.3): text and logout, and the NOPs that keep it alive. */
import { BHS_BYTES, type Bhs } from '../../codec/bhs.ts';
import { OP_LOGOUT_REQUEST, OP_NOP_OUT, OP_TEXT_REQUEST, REJECT_PROTOCOL_ERROR } from '../../codec/constants.ts';
import type { Phase, PhaseHost } from '../connection/phase.ts';
import type { TimerKind } from '../connection/sink.ts';
import type { ConnectionParameters } from '../login/parameters.ts';
import type { ControlRequests } from './control-requests.ts';

const ALLOWED: ReadonlySet<number> = new Set([OP_TEXT_REQUEST, OP_LOGOUT_REQUEST, OP_NOP_OUT]);

export class Discovery implements Phase {
  private readonly host: PhaseHost;
  private readonly bhs: Bhs;
  private readonly control: ControlRequests;
  private readonly segmentBytesMax: number;

  constructor(host: PhaseHost, parameters: ConnectionParameters, control: ControlRequests) {
    this.host = host;
    this.bhs = host.bhs;
    this.control = control;
    this.segmentBytesMax = parameters.maxRecvDataSegmentLength;
  }

  onHeader(bytes: Uint8Array, _view: DataView, offset: number, _ahsBytes: number, dataBytes: number): void {
    if (dataBytes > this.segmentBytesMax) return this.host.close('protocol-error');
    if (ALLOWED.has(this.bhs.opcode)) return this.control.onHeader(bytes, offset, dataBytes);
    this.host.writer.reject(REJECT_PROTOCOL_ERROR, bytes.subarray(offset, offset + BHS_BYTES));
    this.host.close('protocol-error');
  }

  onPdu(isIntact: boolean): void {
    this.control.onPdu(isIntact);
  }

  onTimer(kind: TimerKind): void {
    this.control.onTimer(kind);
  }

  onClosed(): void {
    this.control.onClosed();
  }
}
