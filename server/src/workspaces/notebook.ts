import { belongsTo, define, hasMany, nobody, signedIn, text, timestamp } from '@kyozo/resource';

export const notebook = define({
  type: 'notebooks',
  description:
    'A file whose fenced blocks can be run. The server makes it when it finds such a block.',
  table: 'notebooks',
  tenant: 'teamId',
  within: ['file', 'workspace'],
  attributes: {
    title: text('The first heading, or the name of the file.'),
    insertedAt: timestamp('When it was found.'),
    updatedAt: timestamp('When its tasks last changed.'),
  },
  relationships: {
    file: belongsTo('files', 'fileId'),
    tasks: hasMany('tasks', 'notebookId'),
    runs: hasMany('task-runs', 'notebookId'),
  },
  actions: {
    discover: { kind: 'create', description: 'Records a notebook; the server does it.' },
    refresh: { kind: 'update', description: 'Renames it after its file; the server does it.' },
    forget: { kind: 'destroy', description: 'Forgets it; the server does it.' },
    run: {
      kind: 'verb',
      description: 'Runs all tasks in document order.',
      route: { on: 'record', method: 'POST', path: 'runs' },
      status: 202,
      answers: 'task-runs',
      scope: 'task-runs',
    },
  },
  policies: { read: signedIn, discover: nobody, refresh: nobody, forget: nobody, run: signedIn },
  events: {
    discover: { name: 'notebook.created', version: 1 },
    refresh: { name: 'notebook.updated', version: 1 },
    forget: { name: 'notebook.deleted', version: 1 },
  },
});
