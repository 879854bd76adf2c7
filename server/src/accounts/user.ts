import {
  type Action,
  any,
  anyone,
  boolean,
  type Check,
  define,
  hasMany,
  json,
  manyThrough,
  self,
  signedIn,
  text,
  through,
  timestamp,
} from '@kyozo/resource';

const credentials = {
  name: text('The name others see.', { max: 200, min: 1 }),
  email: text('The address.', { format: 'email' }),
  password: text('The password, 8 to 128 characters.', { max: 128, min: 8 }),
};

const currentPassword = text('The password as it is now.', { max: 1_000 });
const code = text('The code of the second factor, or a recovery code.', { max: 100 });
const token = text('The token.', { max: 200 });
const revoked = {
  revokeApiKeys: boolean('Whether the person’s API keys end too; they do unless it is false.'),
  revokePasskeys: boolean('Whether the passkeys end too; they do unless it is false.'),
  revokeProviders: boolean(
    'Whether what other servers say signs in no more; so it is unless this is false.',
  ),
};

/** An action on the collection: `POST /users/<path>`. */
const verb = (
  path: string,
  status: 200 | 202 | 204,
  description: string,
  inputs: Action['arguments'] = {},
  optional: readonly string[] = [],
): Action => ({
  kind: 'verb',
  description,
  arguments: inputs,
  require: Object.keys(inputs).filter((name) => !optional.includes(name)),
  route: { on: 'collection', method: 'POST', path },
  status,
});

/** What only the person themselves is shown. */
const ownOnly = (value: string) => ({
  sql: `case when t.id = current_person() then ${value} end`,
  nullable: true,
  filterable: false,
  sortable: false,
});

/** Everything by which somebody proves who they are; anyone may try. */
const proofs = {
  'sign-in': verb(
    'sign-in',
    200,
    'Answers a pair of tokens for an address and a password.',
    { email: credentials.email, password: text('The password.', { max: 1_000 }), code },
    ['code'],
  ),
  refresh: verb('refresh', 200, 'Answers a new pair of tokens; the old refresh token is dead.', {
    refreshToken: text('The refresh token.', { max: 1_000 }),
  }),
  confirm: verb('confirm', 204, 'Confirms the address that a mail’s token was sent to.', { token }),
  'send-confirmation': verb('send-confirmation', 202, 'Sends the mail that confirms an address.', {
    email: credentials.email,
  }),
  'forgot-password': verb('forgot-password', 202, 'Sends the mail that resets a password.', {
    email: credentials.email,
  }),
  'reset-password': verb(
    'reset-password',
    204,
    'Sets a password by a mail’s token, and ends every session.',
    { token, password: credentials.password, ...revoked },
    Object.keys(revoked),
  ),
  'magic-link': verb('magic-link', 202, 'Sends a mail that signs in.', {
    email: credentials.email,
  }),
  'magic-link-sign-in': verb(
    'magic-link/sign-in',
    200,
    'Answers a pair of tokens for a mail’s token.',
    { token, code },
    ['code'],
  ),
  'oauth-sign-in': verb(
    'oauth/sign-in',
    200,
    'Answers a pair of tokens for the token that a provider’s callback left.',
    { token, code },
    ['code'],
  ),
  'passkey-challenge': verb('passkey/challenge', 200, 'Answers what a passkey is to sign.'),
  'passkey-sign-in': verb('passkey/sign-in', 200, 'Answers a pair of tokens for a passkey.', {
    response: json('The answer, in the form of WebAuthn’s toJSON().'),
  }),
} satisfies Record<string, Action>;

/** What a person does to their own account, signed in. */
const own = {
  'sign-out': verb('sign-out', 204, 'Ends the session and every token issued in it.'),
  'change-password': verb(
    'change-password',
    200,
    'Sets another password, ends every session and answers a pair of tokens of a new one.',
    { currentPassword, password: credentials.password, ...revoked },
    Object.keys(revoked),
  ),
  'change-email': verb('change-email', 202, 'Sends the mail that makes an address one’s own.', {
    email: credentials.email,
    currentPassword,
  }),
  prove: {
    kind: 'verb',
    description:
      'Shows once more that it is you, by the password, a code of the second factor where one is on, or a passkey. For five minutes credentials can then be added, changed and removed.',
    arguments: {
      currentPassword,
      code,
      response: json(
        'A passkey’s answer to `passkey/challenge`, in the form of WebAuthn’s toJSON().',
      ),
    },
    route: { on: 'collection', method: 'POST', path: 'prove' },
    status: 204,
  },
  'two-factor-enroll': verb('two-factor/enroll', 200, 'Begins to set up a second factor.', {
    currentPassword,
  }),
  'two-factor-enable': verb('two-factor/enable', 200, 'Turns the second factor on.', { code }),
  'two-factor-disable': verb('two-factor/disable', 200, 'Turns the second factor off.', {
    currentPassword,
    code,
  }),
  'two-factor-recovery-codes': verb(
    'two-factor/recovery-codes',
    200,
    'Answers new recovery codes; the old ones are dead.',
    { currentPassword, code },
  ),
  'new-passkey-challenge': verb(
    'passkeys/challenge',
    200,
    'Answers what a new passkey is to sign.',
  ),
  'delete-account': verb(
    'delete-account',
    204,
    'Deletes the account, with the teams that nobody else is in.',
    { currentPassword },
  ),
} satisfies Record<string, Action>;

const policies = (actions: Record<string, Action>, check: Check) =>
  Object.fromEntries(Object.keys(actions).map((name) => [name, check]));

export const user = define({
  type: 'users',
  description: 'A person with an account.',
  table: 'users',
  tenant: undefined,
  attributes: {
    name: text('The name others see.', { max: 200, min: 1 }),
    email: text('The address.', { format: 'email' }),
    emailVerified: boolean(
      'Whether the address has been confirmed; null for others than oneself.',
      ownOnly('t.email_verified'),
    ),
    twoFactorEnabled: boolean(
      'Whether signing in takes a second factor; null for others than oneself.',
      ownOnly(
        'exists (select from second_factors f where f.user_id = t.id and f.enabled_at is not null)',
      ),
    ),
    image: text('A picture, as an address.', { nullable: true, max: 2_000 }),
    insertedAt: timestamp('When the account was made.'),
    updatedAt: timestamp('When it last changed.'),
  },
  relationships: {
    memberships: hasMany('user-teams', 'userId'),
    teams: manyThrough('teams', 'user-teams', 'userId', 'teamId'),
  },
  actions: {
    register: {
      kind: 'verb',
      description: 'Makes an account with a team of its own.',
      arguments: credentials,
      require: ['name', 'email', 'password'],
      route: { on: 'collection', method: 'POST', path: 'register' },
      status: 201,
    },
    ...proofs,
    ...own,
    update: {
      kind: 'update',
      description: 'Changes the own profile.',
      accept: ['name', 'image'],
    },
  },
  policies: {
    read: any(self('id'), through('memberships', signedIn)),
    register: anyone,
    ...policies(proofs, anyone),
    ...policies(own, signedIn),
    update: self('id'),
  },
  events: { update: { name: 'user.updated', version: 1 } },
});
