import {
  belongsTo,
  choice,
  define,
  hasMany,
  integer,
  nobody,
  self,
  text,
  timestamp,
} from '@kyozo/resource';

export const transfer = define({
  type: 'transfers',
  description:
    'An archive that comes into a workspace or out of one, in the background. Only who asked for it sees it.',
  table: 'transfers',
  tenant: 'teamId',
  attributes: {
    kind: choice(['import', 'export'], 'Which way it goes.'),
    status: choice(['queued', 'running', 'succeeded', 'failed'], 'How far it is.'),
    folderPath: text('The folder that an import goes to; empty is the top.'),
    reason: text('Why it failed.', { nullable: true }),
    total: integer('How many files it has, once that is known.', { nullable: true }),
    done: integer('How many of them are done.'),
    refused: integer('How many of those were refused; its entries say why.'),
    size: integer('Bytes of the archive, once it is whole.', { nullable: true }),
    expiresAt: timestamp('When it and the archive are forgotten.'),
    finishedAt: timestamp('When it ended.', { nullable: true }),
    insertedAt: timestamp('When it was asked for.'),
    updatedAt: timestamp('When it last changed.'),
  },
  internal: {
    address: text('The name of its file in the data folder.', { nullable: true }),
    credentialId: text('The session or key that asked.'),
  },
  relationships: {
    workspace: belongsTo('workspaces', 'workspaceId'),
    user: belongsTo('users', 'userId', true),
    entries: hasMany('transfer-entries', 'transferId'),
  },
  actions: {
    queue: { kind: 'create', description: 'Records a transfer; the server does it.' },
    progress: { kind: 'update', description: 'It has come further; the server says so.' },
    finish: { kind: 'update', description: 'It has ended; the server says so.' },
  },
  policies: { read: self('userId'), queue: nobody, progress: nobody, finish: nobody },
  events: {
    queue: { name: 'transfer.queued', version: 1 },
    progress: { name: 'transfer.progressed', version: 1 },
    finish: { name: 'transfer.finished', version: 1 },
  },
});
