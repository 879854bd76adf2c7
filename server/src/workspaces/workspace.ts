import {
  belongsTo,
  choice,
  define,
  hasMany,
  role,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';
import { chosenBackends } from '../storage/choose-backend.ts';

export const workspace = define({
  type: 'workspaces',
  description: 'A place for files, which is a git repository at the same time.',
  table: 'workspaces',
  tenant: 'teamId',
  attributes: {
    name: text('The name.', { max: 200, min: 1 }),
    slug: text('The name in addresses.', { format: 'slug', max: 100 }),
    description: text('What it is for.', { nullable: true, max: 2_000 }),
    storageBackend: choice(
      chosenBackends,
      'Where it keeps what lies outside git, as somebody chose; null where the rules decide for each file.',
      { nullable: true },
    ),
    archivedAt: timestamp('When it was archived.', { nullable: true }),
    insertedAt: timestamp('When it was made.'),
    updatedAt: timestamp('When it last changed.'),
  },
  internal: {
    headCommit: text('The commit that `main` points at.', { nullable: true }),
  },
  relationships: {
    team: belongsTo('teams', 'teamId'),
    files: hasMany('files', 'workspaceId'),
    branches: hasMany('branches', 'workspaceId'),
    storage: hasMany('storage-resources', 'workspaceId'),
    storageMoves: hasMany('storage-moves', 'workspaceId'),
  },
  actions: {
    create: {
      kind: 'create',
      description: 'Makes an empty workspace; the slug follows from the name when it is not given.',
      accept: ['name', 'slug', 'description'],
      require: ['name'],
    },
    update: {
      kind: 'update',
      description: 'Renames or describes it.',
      accept: ['name', 'slug', 'description'],
    },
    archive: {
      kind: 'update',
      description: 'Puts it away; nothing is lost.',
      route: { on: 'record', method: 'POST', path: 'archive' },
      change: (_input, _actor, now) => ({ archivedAt: now }),
    },
    unarchive: {
      kind: 'update',
      description: 'Takes it back from the archive.',
      route: { on: 'record', method: 'DELETE', path: 'archive' },
      change: () => ({ archivedAt: null }),
    },
    export: {
      kind: 'verb',
      description: 'Packs all files into a zip, in the background.',
      route: { on: 'record', method: 'POST', path: 'export' },
      status: 202,
      answers: 'transfers',
      scope: 'transfers',
    },
    'move-storage': {
      kind: 'verb',
      description:
        'Keeps what lies outside git in another backend: new content at once, the rest is moved there in the background.',
      arguments: { backend: choice(chosenBackends, 'The backend.') },
      require: ['backend'],
      route: { on: 'record', method: 'POST', path: 'move-storage' },
      status: 202,
      answers: 'storage-moves',
    },
  },
  policies: {
    read: signedIn,
    create: signedIn,
    update: role('owner', 'admin'),
    archive: role('owner', 'admin'),
    unarchive: role('owner', 'admin'),
    export: signedIn,
    'move-storage': role('owner', 'admin'),
  },
  events: {
    create: { name: 'workspace.created', version: 1 },
    update: { name: 'workspace.updated', version: 1 },
    archive: { name: 'workspace.archived', version: 1 },
    unarchive: { name: 'workspace.unarchived', version: 1 },
  },
});
