/** The names of asymmetric access states (SPC-4 5.16.2.4) in files that people read and write. */
import {
  type AccessState,
  STATE_ACTIVE_NON_OPTIMIZED,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_UNAVAILABLE,
} from '../scsi/port/target-port.ts';
import { assert } from '../util/assert.ts';

/** Transitioning is on the way to one of these: nobody can want it, and it is never kept. */
export const ACCESS_STATES = {
  'active/optimized': STATE_ACTIVE_OPTIMIZED,
  'active/non-optimized': STATE_ACTIVE_NON_OPTIMIZED,
  standby: STATE_STANDBY,
  unavailable: STATE_UNAVAILABLE,
} as const satisfies Record<string, AccessState>;

export type AccessStateName = keyof typeof ACCESS_STATES;

export const ACCESS_STATE_NAMES = Object.keys(ACCESS_STATES) as readonly AccessStateName[];

export function isAccessStateName(name: unknown): name is AccessStateName {
  return typeof name === 'string' && Object.hasOwn(ACCESS_STATES, name);
}

export function nameOfAccessState(state: AccessState): AccessStateName {
  const name = ACCESS_STATE_NAMES.find((each) => ACCESS_STATES[each] === state);
  assert(name !== undefined, 'a port that is transitioning is not where it is going to stay');
  return name;
}
