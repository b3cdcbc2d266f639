/** The keys of the iSNS client, `isns`, as they stand in the file (see schema.ts). */
import Type, { type Static } from 'typebox';
import { ISNS_PORT_DEFAULT, SERVER_ENTITY_PREFIX, TEXT_BYTES_MAX } from '../../../isns/constants.ts';

export const ISNS_SERVER_EXPECTED = 'a host such as "isns.example.org", "192.0.2.1:3205" or "[2001:db8::1]:3205"';
export const ISNS_ENTITY_EXPECTED = `1 to ${TEXT_BYTES_MAX} bytes of text that do not begin with "${SERVER_ENTITY_PREFIX}"`;
export const ISNS_PERIOD_S_DEFAULT = 300;
/** Shorter, and a busy server is asked more often than it is worth; longer, and a dead target stays listed for days. */
const ISNS_PERIOD_S_MIN = 10;
const ISNS_PERIOD_S_MAX = 86_400;

export const IsnsSchema = Type.Object(
  {
    server: Type.String({
      expects: ISNS_SERVER_EXPECTED,
      description: `The iSNS server; without a port ${ISNS_PORT_DEFAULT}.`,
    }),
    entity: Type.Optional(
      Type.String({
        pattern: '^[^\\u0000-\\u001f]+$',
        expects: ISNS_ENTITY_EXPECTED,
        description:
          'Entity identifier, the name of this daemon at the server; no two may share one. Without it, the name of the machine and a mark of the state directory.',
      }),
    ),
    registrationPeriodSeconds: Type.Optional(
      Type.Integer({
        minimum: ISNS_PERIOD_S_MIN,
        maximum: ISNS_PERIOD_S_MAX,
        expects: `a whole number from ${ISNS_PERIOD_S_MIN} to ${ISNS_PERIOD_S_MAX}`,
        description:
          'How long the server shall keep the registration when it hears nothing more; it may choose another. Refreshed three times as often.',
        default: ISNS_PERIOD_S_DEFAULT,
      }),
    ),
  },
  { expects: 'an object with the server', description: 'Registration at an iSNS server (RFC 4171).' },
);
export type IsnsEntry = Static<typeof IsnsSchema>;
