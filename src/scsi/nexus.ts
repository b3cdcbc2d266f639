/**
 * The I_T nexus (SAM-5 4.7): one initiator port talking to one target port. Logical units keep unit attentions and
 * reservations per nexus; iSCSI makes one per session (RFC 7143 3.4.1).
 */
import type { TargetPort } from './port/target-port.ts';

export class Nexus {
  /** "iqn...,i,0x" and 12 hex digits of ISID (RFC 7143 3.4.1, SPC-4 7.6.4.6). */
  readonly initiatorPortName: string;
  readonly targetPort: TargetPort;
  /** "iqn...,t,0x" and 4 hex digits of the target portal group tag. */
  readonly targetPortName: string;
  /** Every logical unit is write protected for this initiator, whatever it is for others. */
  readonly isReadOnly: boolean;
  /** The names of both ports: the same for every session between them. No port name contains a space. */
  readonly name: string;

  constructor(initiatorPortName: string, targetPort: TargetPort, isReadOnly = false) {
    this.initiatorPortName = initiatorPortName;
    this.targetPort = targetPort;
    this.targetPortName = targetPort.name;
    this.isReadOnly = isReadOnly;
    this.name = `${initiatorPortName} ${targetPort.name}`;
  }
}
