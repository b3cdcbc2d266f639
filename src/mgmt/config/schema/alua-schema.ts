/** The keys of asymmetric logical unit access, `alua` of a target, as they stand in the file (see schema.ts). */
import Type, { type Static } from 'typebox';
import { ACCESS_STATE_NAMES } from '../../access-state-names.ts';

const stateNames = ACCESS_STATE_NAMES.map((name) => `"${name}"`).join(', ');

const GroupSchema = Type.Object(
  {
    state: Type.Optional(
      Type.Union(
        ACCESS_STATE_NAMES.map((name) => Type.Literal(name)),
        {
          expects: `one of ${stateNames}`,
          description:
            'Asymmetric access state of the portal group with this tag (the `<name>`). What an initiator sets holds, over restarts too, until another state stands here. Takes effect with SIGHUP.',
          default: ACCESS_STATE_NAMES[0],
        },
      ),
    ),
    preferred: Type.Optional(
      Type.Boolean({
        expects: 'true or false',
        description: 'Initiators are told to prefer this portal group (PREF). Takes effect with SIGHUP.',
        default: false,
      }),
    ),
  },
  { expects: 'an object with state and preferred' },
);

export const AluaSchema = Type.Object(
  {
    explicit: Type.Optional(
      Type.Boolean({
        expects: 'true or false',
        description: 'Initiators may change the states (SET TARGET PORT GROUPS); `false`: the configuration alone.',
        default: true,
      }),
    ),
    groups: Type.Optional(
      Type.Record(Type.String(), GroupSchema, {
        expects: 'tags of `tpgts` with an object each, such as {"2": {"state": "standby"}}',
        description: 'Target portal group tag to its asymmetric access state.',
      }),
    ),
  },
  { expects: 'an object with explicit and groups' },
);
export type AluaEntry = Static<typeof AluaSchema>;
