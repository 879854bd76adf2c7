import {
  any,
  anyone,
  define,
  hasMany,
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

export const user = define({
  type: 'users',
  description: 'A person with an account.',
  table: 'users',
  tenant: undefined,
  attributes: {
    name: text('The name others see.', { max: 200, min: 1 }),
    email: text('The address.', { format: 'email' }),
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
    'sign-in': {
      kind: 'verb',
      description: 'Answers a pair of tokens for an address and a password.',
      arguments: { email: credentials.email, password: text('The password.', { max: 1_000 }) },
      require: ['email', 'password'],
      route: { on: 'collection', method: 'POST', path: 'sign-in' },
      status: 200,
    },
    refresh: {
      kind: 'verb',
      description: 'Answers a new pair of tokens; the old refresh token is dead.',
      arguments: { refreshToken: text('The refresh token.', { max: 1_000 }) },
      require: ['refreshToken'],
      route: { on: 'collection', method: 'POST', path: 'refresh' },
      status: 200,
    },
    'sign-out': {
      kind: 'verb',
      description: 'Ends the session and every token issued in it.',
      route: { on: 'collection', method: 'POST', path: 'sign-out' },
      status: 204,
    },
    update: {
      kind: 'update',
      description: 'Changes the own profile.',
      accept: ['name', 'image'],
    },
  },
  policies: {
    read: any(self('id'), through('memberships', signedIn)),
    register: anyone,
    'sign-in': anyone,
    refresh: anyone,
    'sign-out': signedIn,
    update: self('id'),
  },
  events: { update: { name: 'user.updated', version: 1 } },
});
