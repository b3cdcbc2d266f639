/**
 * A SCSI target port and its asymmetric access state (SPC-4 5.16.2). An iSCSI target port is a portal group; each is the only
 * port of its primary target port group, whose identifier is the port's relative target port identifier. Logical units are
 * behind all ports of their target in the same state.
 */
import type { AccessRule } from '../command/command-entry.ts';
import { ACCESS_ACTIVE, ACCESS_STANDBY, ACCESS_TRANSITIONING, ACCESS_UNAVAILABLE } from '../command/command-entry.ts';
import type { Nexus } from '../nexus.ts';
import {
  SENSE_ASYMMETRIC_ACCESS_STATE_TRANSITION,
  SENSE_TARGET_PORT_IN_STANDBY_STATE,
  SENSE_TARGET_PORT_IN_UNAVAILABLE_STATE,
} from '../sense.ts';
import type { TargetPorts } from './target-ports.ts';

/** ASYMMETRIC ACCESS STATE field (SPC-4 6.37). Logical block dependent and offline are not supported. */
export const STATE_ACTIVE_OPTIMIZED = 0x0;
export const STATE_ACTIVE_NON_OPTIMIZED = 0x1;
export const STATE_STANDBY = 0x2;
export const STATE_UNAVAILABLE = 0x3;
export const STATE_TRANSITIONING = 0xf;
export type AccessState =
  | typeof STATE_ACTIVE_OPTIMIZED
  | typeof STATE_ACTIVE_NON_OPTIMIZED
  | typeof STATE_STANDBY
  | typeof STATE_UNAVAILABLE
  | typeof STATE_TRANSITIONING;

/** STATUS CODE field (SPC-4 6.37): how the state came about. */
export const ACCESS_STATUS_NONE = 0;
export const ACCESS_STATUS_ALTERED_BY_COMMAND = 1;
export const ACCESS_STATUS_ALTERED_IMPLICITLY = 2;
export type AccessStatusCode =
  | typeof ACCESS_STATUS_NONE
  | typeof ACCESS_STATUS_ALTERED_BY_COMMAND
  | typeof ACCESS_STATUS_ALTERED_IMPLICITLY;

/** A state and how it came about. */
export interface PortAccess {
  readonly state: AccessState;
  readonly statusCode: AccessStatusCode;
}

/** A target device that can be reached through a port. */
export interface PortDevice {
  /** A unit attention condition on every logical unit, for every I_T nexus but `except`. */
  establishAttention(senseCode: number, except: Nexus | null): void;
}

export class TargetPort {
  /** All ports of its target. */
  readonly siblings: TargetPorts;
  /** "iqn...,t,0x" and 4 hex digits. */
  readonly name: string;
  /** Relative target port identifier, 1 to 65535; also TARGET PORT GROUP. */
  readonly relativeTargetPort: number;
  /** PREF */
  isPreferred = false;
  /** What the access column of every command that comes by it is compared with. */
  restriction: AccessRule;
  private current: PortAccess;
  private readonly devices = new Set<PortDevice>();

  constructor(siblings: TargetPorts, name: string, relativeTargetPort: number, access: PortAccess) {
    this.siblings = siblings;
    this.name = name;
    this.relativeTargetPort = relativeTargetPort;
    this.current = access;
    this.restriction = restrictionOf(access.state);
  }

  get access(): PortAccess {
    return this.current;
  }

  /** The state of every command that is looked at from here on; announce() tells who has to know. */
  setAccess(access: PortAccess): void {
    this.current = access;
    this.restriction = restrictionOf(access.state);
  }

  /** Why commands that the state does not allow end, or 0 when it allows all. */
  get senseCode(): number {
    return senseOf(this.restriction);
  }

  addDevice(device: PortDevice): void {
    this.devices.add(device);
  }

  /** SPC-4 5.16.2.5: a change is told on every unit behind the port, by whichever port it is reached. */
  announce(senseCode: number, except: Nexus | null): void {
    for (const device of this.devices) device.establishAttention(senseCode, except);
  }
}

function restrictionOf(state: AccessState): AccessRule {
  switch (state) {
    case STATE_ACTIVE_OPTIMIZED:
    case STATE_ACTIVE_NON_OPTIMIZED:
      return ACCESS_ACTIVE;
    case STATE_STANDBY:
      return ACCESS_STANDBY;
    case STATE_UNAVAILABLE:
      return ACCESS_UNAVAILABLE;
    case STATE_TRANSITIONING:
      return ACCESS_TRANSITIONING;
  }
}

function senseOf(restriction: AccessRule): number {
  switch (restriction) {
    case ACCESS_ACTIVE:
      return 0;
    case ACCESS_STANDBY:
      return SENSE_TARGET_PORT_IN_STANDBY_STATE;
    case ACCESS_UNAVAILABLE:
      return SENSE_TARGET_PORT_IN_UNAVAILABLE_STATE;
    case ACCESS_TRANSITIONING:
      return SENSE_ASYMMETRIC_ACCESS_STATE_TRANSITION;
  }
}
