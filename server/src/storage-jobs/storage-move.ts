import {
  belongsTo,
  choice,
  define,
  integer,
  nobody,
  role,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';
import { chosenBackends } from '../storage/choose-backend.ts';

export const storageMove = define({
  type: 'storage-moves',
  description:
    'A workspace on its way to another storage backend, in the background; reading and writing go on.',
  table: 'storage_moves',
  tenant: 'teamId',
  attributes: {
    backend: choice(chosenBackends, 'Where its content goes; what lies in git stays there.'),
    status: choice(['queued', 'running', 'succeeded', 'failed', 'cancelled'], 'How far it is.'),
    reason: text('Why it failed.', { nullable: true }),
    total: integer('How many contents have to be moved, once that is known.', { nullable: true }),
    done: integer('How many of them have been.'),
    bytes: integer('Bytes of those.'),
    startedAt: timestamp('When it began.', { nullable: true }),
    finishedAt: timestamp('When it ended.', { nullable: true }),
    insertedAt: timestamp('When it was asked for.'),
    updatedAt: timestamp('When it last changed.'),
  },
  internal: {
    failures: integer('How often it had to begin again.'),
    formerBackend: text('What the workspace had chosen before.', { nullable: true }),
  },
  relationships: {
    workspace: belongsTo('workspaces', 'workspaceId'),
    user: belongsTo('users', 'userId', true),
  },
  actions: {
    queue: { kind: 'create', description: 'Records a move; the server does it.' },
    progress: { kind: 'update', description: 'It has come further; the server says so.' },
    finish: { kind: 'update', description: 'It has ended; the server says so.' },
    cancel: {
      kind: 'verb',
      description:
        'Stops it: what has been moved stays where it is, new content goes where it went before.',
      route: { on: 'record', method: 'POST', path: 'cancel' },
      status: 200,
    },
  },
  policies: {
    read: signedIn,
    queue: nobody,
    progress: nobody,
    finish: nobody,
    cancel: role('owner', 'admin'),
  },
  events: {
    queue: { name: 'storage-move.queued', version: 1 },
    progress: { name: 'storage-move.progressed', version: 1 },
    finish: { name: 'storage-move.finished', version: 1 },
    cancel: { name: 'storage-move.cancelled', version: 1 },
  },
});
