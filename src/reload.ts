/**
 * What a running daemon takes over from a configuration that was read again (SIGHUP): one row of TAKEN_OVER each. All else
 * holds from the next start on.
 */
import { takeMedia } from './medium-change.ts';
import type { Configuration } from './mgmt/config/configuration.ts';
import type { RunningDaemon } from './running-daemon.ts';

/** Takes over what can be; a part that cannot is logged with the reason, and stays as it was. */
export async function takeOver(running: RunningDaemon, configuration: Configuration): Promise<void> {
  for (const { apply } of TAKEN_OVER) await apply(running, configuration);
}

/** For the log, once every reactor has taken it over. */
export function takenOverNote(): string {
  const names = TAKEN_OVER.map(({ what }) => what).join(', ');
  return `the configuration was read again: ${names} hold from now on, the rest from the next start on`;
}

interface Change {
  /** For the log: a noun. */
  readonly what: string;
  /** Rejects only for a bug. */
  readonly apply: (running: RunningDaemon, configuration: Configuration) => Promise<void> | void;
}

const TAKEN_OVER: readonly Change[] = [
  { what: 'redirections', apply: takeRedirections },
  { what: 'access states', apply: takeAccessStates },
  { what: 'media', apply: takeMedia },
  { what: 'sizes', apply: ({ reactor }, { storages }) => reactor.capacities.takeSizes(storages) },
];

/** Sends initiators where the targets say; initiators that are logged in are asked to follow. */
function takeRedirections({ reactor }: RunningDaemon, { targets }: Configuration): void {
  for (const { name, redirection } of targets) reactor.registry.redirect(name, redirection);
}

/** A portal group that is not served yet is passed over. */
function takeAccessStates({ reactor }: RunningDaemon, { targets }: Configuration): void {
  for (const { name, portalGroups } of targets) {
    reactor.registry.configureAccess(name, new Map(portalGroups.map(({ tag, access }) => [tag, access])));
  }
}
