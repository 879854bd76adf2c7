import {
  belongsTo,
  define,
  hasMany,
  integer,
  json,
  nobody,
  signedIn,
  text,
  texts,
  timestamp,
} from '@kyozo/resource';

export const task = define({
  type: 'tasks',
  description: 'A fenced block that can be run.',
  table: 'tasks',
  tenant: 'teamId',
  within: ['notebook', 'file', 'workspace'],
  sort: [{ field: 'position', descending: false }],
  attributes: {
    name: text('Its name: given, or made from its first words.'),
    language: text('The language of the fence.'),
    source: text('The code.'),
    attributes: json('What the fence says beside the language.'),
    dependsOn: texts('Names of tasks that run before.'),
    position: integer('Where it stands in the document, from 0.'),
    insertedAt: timestamp('When it was found.'),
    updatedAt: timestamp('When it last changed.'),
  },
  relationships: {
    notebook: belongsTo('notebooks', 'notebookId'),
    runs: hasMany('task-runs', 'taskId'),
  },
  actions: {
    discover: { kind: 'create', description: 'Records a task; the server does it.' },
    refresh: { kind: 'update', description: 'Follows the document; the server does it.' },
    forget: { kind: 'destroy', description: 'Forgets it; the server does it.' },
    run: {
      kind: 'verb',
      description: 'Runs the task.',
      arguments: {
        timeout: integer('Seconds after which it has failed.', { min: 1, max: 86_400 }),
      },
      route: { on: 'record', method: 'POST', path: 'runs' },
      status: 202,
      answers: 'task-runs',
      scope: 'task-runs',
    },
  },
  policies: { read: signedIn, discover: nobody, refresh: nobody, forget: nobody, run: signedIn },
  events: {
    discover: { name: 'task.created', version: 1 },
    refresh: { name: 'task.updated', version: 1 },
    forget: { name: 'task.deleted', version: 1 },
  },
});
