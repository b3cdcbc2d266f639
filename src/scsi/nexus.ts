/**
 * The I_T nexus (SAM-5 4.7): one initiator port talking to one target port. Logical units keep unit attentions and
 * reservations per nexus; iSCSI makes one per session (RFC 7143 3.4.1).
 */
import type { TargetPort } from './port/target-port.ts';
import type { LogicalUnit } from './unit/logical-unit.ts';

/** Whether an initiator could reach `unit` by a login through `port`; of other ports it is not told. */
export type PortView = (port: TargetPort, unit: LogicalUnit) => boolean;

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
  private readonly view: PortView;

  constructor(initiatorPortName: string, targetPort: TargetPort, isReadOnly = false, view: PortView = everyPort) {
    this.initiatorPortName = initiatorPortName;
    this.targetPort = targetPort;
    this.targetPortName = targetPort.name;
    this.isReadOnly = isReadOnly;
    this.name = `${initiatorPortName} ${targetPort.name}`;
    this.view = view;
  }

  /** Whether it is told that `port` leads to `unit`; the one that it came by it knows. */
  sees(port: TargetPort, unit: LogicalUnit): boolean {
    return port === this.targetPort || this.view(port, unit);
  }
}

function everyPort(): boolean {
  return true;
}
