/** The keys that say who may log in: `auth`, `discoveryAuth` and `access`, as they stand in the file (see schema.ts). */
import Type, { type Static } from 'typebox';
import {
  CHAP_ALGORITHMS,
  CHAP_NAME_BYTES_MAX,
  CHAP_SECRET_BYTES_MAX,
  CHAP_SECRET_BYTES_MIN,
} from '../../../iscsi/protocol/login/chap.ts';

export const CHAP_NAME_EXPECTED = `a name of 1 to ${CHAP_NAME_BYTES_MAX} bytes`;
export const RULE_LUNS_EXPECTED = 'LUNs of the target such as [0, 2], or a map of its own such as {"0": 1000}';
/** Rules of one target; the first that fits is looked for at each login. */
export const ACCESS_RULES_MAX = 4096;
/** CHAP users of one target. */
export const CHAP_USERS_MAX = 4096;

const secretBytes = `${CHAP_SECRET_BYTES_MIN} to ${CHAP_SECRET_BYTES_MAX} bytes`;

function secretKeys(whose: string) {
  return {
    secret: Type.Optional(
      Type.String({ expects: `text of ${secretBytes}`, description: `The secret of ${whose}, as it stands here.` }),
    ),
    secretFile: Type.Optional(
      Type.String({
        expects: `the path of a file with ${secretBytes}`,
        description: `The file with the secret of ${whose}, in place of \`secret\`; one line end at its end does not count.`,
      }),
    ),
    secretEnv: Type.Optional(
      Type.String({
        expects: 'the name of an environment variable',
        description: `The environment variable with the secret of ${whose}, in place of \`secret\`.`,
      }),
    ),
  };
}

const UserSchema = Type.Object(
  {
    user: Type.String({ expects: CHAP_NAME_EXPECTED, description: 'CHAP name of an initiator (CHAP_N).' }),
    ...secretKeys('the initiator'),
  },
  { expects: 'an object with user and secret, secretFile or secretEnv' },
);

const MutualSchema = Type.Object(
  {
    user: Type.String({ expects: CHAP_NAME_EXPECTED, description: 'CHAP name of the target (CHAP_N).' }),
    ...secretKeys('the target'),
  },
  {
    expects: 'an object with user and secret, secretFile or secretEnv',
    description: 'What the target proves to an initiator that challenges it (mutual CHAP).',
  },
);

const algorithmNames = CHAP_ALGORITHMS.map(({ name }) => name);
const quotedNames = algorithmNames.map((name) => `"${name}"`).join(', ');

export const AuthSchema = Type.Object(
  {
    method: Type.Optional(
      Type.Union([Type.Literal('chap'), Type.Literal('none')], {
        expects: '"chap" or "none"',
        description: '`chap` demands CHAP; `none` lets everyone in, whatever else stands here.',
        default: 'chap',
      }),
    ),
    users: Type.Optional(
      Type.Array(UserSchema, {
        maxItems: CHAP_USERS_MAX,
        expects: `a list of at most ${CHAP_USERS_MAX} users with their secrets`,
        description: 'The initiators that may log in.',
      }),
    ),
    mutual: Type.Optional(MutualSchema),
    algorithms: Type.Optional(
      Type.Array(
        Type.Union(
          algorithmNames.map((name) => Type.Literal(name)),
          { expects: `one of ${quotedNames}` },
        ),
        {
          minItems: 1,
          uniqueItems: true,
          expects: `a list of ${quotedNames}`,
          description:
            'CHAP algorithms in order of preference; the first that the initiator offers is used. What is left out is refused.',
          default: algorithmNames,
        },
      ),
    ),
  },
  { expects: 'an object with users', description: 'How initiators prove who they are.' },
);
export type AuthEntry = Static<typeof AuthSchema>;
export type SecretEntry = Pick<Static<typeof UserSchema>, 'secret' | 'secretFile' | 'secretEnv'>;
export type IdentityEntry = Static<typeof UserSchema>;

export const AccessRuleSchema = Type.Object(
  {
    initiator: Type.Optional(
      Type.String({
        expects:
          'an iSCSI name such as "iqn.2001-04.com.example:host", or a pattern such as "iqn.2001-04.com.example:*"',
        description: 'Fits initiators of this name; `*` stands for any characters, `?` for one.',
      }),
    ),
    address: Type.Optional(
      Type.String({
        expects: 'an address or range such as "192.0.2.7", "192.0.2.0/24" or "2001:db8::/32"',
        description: 'Fits initiators that connect from there.',
      }),
    ),
    user: Type.Optional(
      Type.String({
        expects: 'a user of the auth of this target',
        description: 'Fits initiators that have proved to be this CHAP user.',
      }),
    ),
    luns: Type.Optional(
      Type.Unknown({
        expects: RULE_LUNS_EXPECTED,
        description:
          'What these initiators see: some LUNs of the target, or LUNs of their own with the `deviceID` of a storage. Without it, all of the target.',
      }),
    ),
    readOnly: Type.Optional(
      Type.Boolean({
        expects: 'true or false',
        description: 'These initiators may read only, and change nothing that others see.',
        default: false,
      }),
    ),
  },
  { expects: 'an object with initiator, address, user, luns, readOnly' },
);
export type AccessRuleEntry = Static<typeof AccessRuleSchema>;

export const AccessSchema = Type.Array(AccessRuleSchema, {
  maxItems: ACCESS_RULES_MAX,
  expects: `a list of at most ${ACCESS_RULES_MAX} rules`,
  description: 'Who may log in.',
});
