import {
  acting,
  all,
  boolean,
  define,
  hasMany,
  manyThrough,
  role,
  signedIn,
  text,
  timestamp,
  uuid,
} from '@kyozo/resource';

export const team = define({
  type: 'teams',
  description: 'A group of people who share workspaces; everything else belongs to one.',
  table: 'teams',
  tenant: 'id',
  attributes: {
    name: text('The name.', { max: 200, min: 1 }),
    slug: text('The name in addresses.', { format: 'slug', max: 100 }),
    personal: boolean("Whether it is a person's own team."),
    insertedAt: timestamp('When it was made.'),
    updatedAt: timestamp('When it last changed.'),
  },
  relationships: {
    memberships: hasMany('user-teams', 'teamId'),
    users: manyThrough('users', 'user-teams', 'teamId', 'userId'),
    workspaces: hasMany('workspaces', 'teamId'),
  },
  actions: {
    create: {
      kind: 'create',
      description: 'Makes a team; its maker is the owner.',
      accept: ['name', 'slug'],
      require: ['name'],
    },
    update: { kind: 'update', description: 'Renames the team.', accept: ['name', 'slug'] },
    destroy: { kind: 'destroy', description: 'Deletes the team and all it holds.' },
    transfer: {
      kind: 'verb',
      description: 'Makes a member the owner; the acting owner becomes an admin.',
      arguments: { userId: uuid('The member.') },
      require: ['userId'],
      route: { on: 'record', method: 'POST', path: 'transfer' },
      status: 200,
    },
  },
  policies: {
    // Row-level security shows the acting team and the ones the person is a member of.
    read: signedIn,
    create: signedIn,
    update: all(acting('id'), role('owner', 'admin')),
    destroy: all(acting('id'), role('owner')),
    transfer: all(acting('id'), role('owner')),
  },
  events: {
    create: { name: 'team.created', version: 1 },
    update: { name: 'team.updated', version: 1 },
    destroy: { name: 'team.deleted', version: 1 },
  },
});
