import {
  any,
  belongsTo,
  choice,
  define,
  role,
  self,
  signedIn,
  text,
  texts,
  timestamp,
} from '@kyozo/resource';

export const apiKey = define({
  type: 'api-keys',
  description: 'A credential for programs. The key itself is shown once; only its hash is kept.',
  table: 'api_keys',
  tenant: 'teamId',
  attributes: {
    name: text('What it is for.', { max: 200, min: 1 }),
    start: text('The first characters, to tell keys apart.'),
    owner: choice(
      ['user', 'team'],
      'Whether it is a member’s, or the team’s own and outlives them.',
    ),
    role: choice(['owner', 'admin', 'member'], 'What a key of the team acts as.', {
      nullable: true,
    }),
    scopes: texts('read, write, <type>:read or <type>:write.'),
    expiresAt: timestamp('When it ends.', { nullable: true }),
    lastUsedAt: timestamp('When it was last used.', { nullable: true }),
    insertedAt: timestamp('When it was made.'),
  },
  internal: {
    hash: text('SHA-256 of the key.'),
    madeBy: text('The key that made it, with which it ends.', { nullable: true }),
  },
  relationships: { user: belongsTo('users', 'userId', true), team: belongsTo('teams', 'teamId') },
  actions: {
    create: {
      kind: 'create',
      description: 'Makes a key for the acting person, or the team, in the acting team.',
      accept: ['name', 'scopes', 'expiresAt', 'owner', 'role'],
      require: ['name', 'scopes'],
    },
    destroy: { kind: 'destroy', description: 'Revokes the key.' },
  },
  policies: {
    read: any(self('userId'), role('owner', 'admin')),
    create: signedIn,
    destroy: any(self('userId'), role('owner', 'admin')),
  },
  events: {
    create: { name: 'api-key.created', version: 1 },
    destroy: { name: 'api-key.revoked', version: 1 },
  },
});
