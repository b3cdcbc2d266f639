/**
 * The target ports of one target and the changes of their asymmetric access states (SPC-4 5.16.2.5): explicit ones by SET
 * TARGET PORT GROUPS, implicit ones by the configuration. A change is on stable storage before it holds; until then the
 * ports are transitioning. Changes take turns.
 */
import { assert } from '../../util/assert.ts';
import {
  SENSE_ASYMMETRIC_ACCESS_STATE_CHANGED,
  SENSE_IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED,
} from '../sense.ts';
import type { AccessState, PortAccess } from './target-port.ts';
import {
  ACCESS_STATUS_ALTERED_IMPLICITLY,
  ACCESS_STATUS_NONE,
  STATE_ACTIVE_OPTIMIZED,
  STATE_TRANSITIONING,
  TargetPort,
} from './target-port.ts';

/** What the operator wants of a port. */
export interface ConfiguredAccess {
  readonly state: AccessState;
  /** PREF */
  readonly isPreferred: boolean;
}

export const CONFIGURED_ACCESS_DEFAULT: ConfiguredAccess = { state: STATE_ACTIVE_OPTIMIZED, isPreferred: false };

/** What is kept of a port over a restart. */
export interface SavedAccess {
  /** What the operator wanted when the state came about: another wish takes its place. */
  readonly configured: AccessState;
  readonly access: PortAccess;
}

/** By the name of the port. */
export type SavedPorts = ReadonlyMap<string, SavedAccess>;

/** Where the states outlive a restart. */
export interface TargetPortStore {
  /**
   * Keeps `ports` in place of what was kept before, on stable storage; called again only after onSaved.
   * @param onSaved called once, later: whether they are kept. When not, what was kept before still is.
   */
  save(ports: SavedPorts, onSaved: (isSaved: boolean) => void): void;
}

interface Member {
  readonly port: TargetPort;
  configured: AccessState;
}

export class TargetPorts {
  /** SET TARGET PORT GROUPS may change the states. */
  readonly isExplicit: boolean;
  private readonly store: TargetPortStore | null;
  private readonly saved: SavedPorts;
  private readonly members = new Map<string, Member>();
  private isSaving = false;
  /** A configuration that came while a change was being saved. */
  private pendingConfiguration: ReadonlyMap<string, ConfiguredAccess> | null = null;

  /** @param saved what `store` has kept, null when that is nothing */
  constructor(isExplicit = true, store: TargetPortStore | null = null, saved: SavedPorts | null = null) {
    this.isExplicit = isExplicit;
    this.store = store;
    this.saved = saved ?? new Map();
  }

  /** A new port, in the state that was kept when the operator wants the same as then. */
  add(name: string, relativeTargetPort: number, wanted: ConfiguredAccess = CONFIGURED_ACCESS_DEFAULT): TargetPort {
    assert(!this.members.has(name), 'a port has a name of its own');
    const kept = this.saved.get(name);
    const fresh: PortAccess = { state: wanted.state, statusCode: ACCESS_STATUS_NONE };
    const access = kept?.configured === wanted.state ? kept.access : fresh;
    const port = new TargetPort(this, name, relativeTargetPort, access);
    port.isPreferred = wanted.isPreferred;
    this.members.set(name, { port, configured: wanted.state });
    return port;
  }

  /**
   * Once all ports are there: where states of another configuration are kept, keeps those of now, lest the other come back
   * with what was set under it.
   * @param onKept called once, perhaps at once: false when they cannot be kept
   */
  forgetOtherConfiguration(onKept: (isKept: boolean) => void): void {
    const isOther = [...this.saved].some(([name, { configured }]) => this.members.get(name)?.configured !== configured);
    if (isOther) this.change(new Map(), onKept);
    else onKept(true);
  }

  find(name: string): TargetPort | null {
    return this.members.get(name)?.port ?? null;
  }

  /** A change is being saved; another one has to wait. */
  get isChanging(): boolean {
    return this.isSaving;
  }

  /**
   * Brings ports of this target into new states.
   * @param onChanged called once, perhaps at once: whether they are in them; when not, they are in their old ones
   */
  change(changes: ReadonlyMap<TargetPort, PortAccess>, onChanged: (isChanged: boolean) => void): void {
    assert(!this.isSaving, 'changes of access states take turns');
    const before = new Map([...changes.keys()].map((port) => [port, port.access]));
    if (this.store === null) {
      settle(changes);
      onChanged(true);
      return;
    }
    this.isSaving = true;
    const content = this.contentWith(changes);
    for (const port of changes.keys()) {
      port.setAccess({ state: STATE_TRANSITIONING, statusCode: port.access.statusCode });
    }
    this.store.save(content, (isSaved) => {
      this.isSaving = false;
      settle(isSaved ? changes : before);
      onChanged(isSaved);
      this.continueConfiguring();
    });
  }

  /**
   * Takes over what the operator wants now, by port name; a port whose wanted state is what it was keeps the state that it
   * has, whoever brought it there. Every I_T nexus is told of a change, and of one that failed.
   */
  configure(wanted: ReadonlyMap<string, ConfiguredAccess>): void {
    if (this.isSaving) {
      this.pendingConfiguration = wanted;
      return;
    }
    const changed: [Member, AccessState][] = [];
    for (const [name, { state, isPreferred }] of wanted) {
      const member = this.members.get(name);
      if (member === undefined) continue;
      member.port.isPreferred = isPreferred;
      if (member.configured !== state) changed.push([member, state]);
    }
    if (changed.length > 0) this.changeImplicitly(changed);
  }

  private changeImplicitly(changed: readonly [Member, AccessState][]): void {
    const before = changed.map(([member]) => member.configured);
    const moved = changed.filter(([{ port }, state]) => port.access.state !== state).map(([{ port }]) => port);
    const changes = new Map<TargetPort, PortAccess>();
    for (const [member, state] of changed) {
      member.configured = state;
      changes.set(member.port, { state, statusCode: ACCESS_STATUS_ALTERED_IMPLICITLY });
    }
    this.change(changes, (isChanged) => {
      const told = isChanged
        ? SENSE_ASYMMETRIC_ACCESS_STATE_CHANGED
        : SENSE_IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED;
      if (!isChanged) for (const [i, [member]] of changed.entries()) member.configured = before[i]!;
      for (const port of moved) port.announce(told, null);
    });
  }

  private continueConfiguring(): void {
    const wanted = this.pendingConfiguration;
    this.pendingConfiguration = null;
    if (wanted !== null) this.configure(wanted); // waits once more when who was told has begun another change
  }

  private contentWith(changes: ReadonlyMap<TargetPort, PortAccess>): SavedPorts {
    const content = new Map<string, SavedAccess>();
    for (const [name, { port, configured }] of this.members) {
      content.set(name, { configured, access: changes.get(port) ?? port.access });
    }
    return content;
  }
}

function settle(accesses: ReadonlyMap<TargetPort, PortAccess>): void {
  for (const [port, access] of accesses) port.setAccess(access);
}
