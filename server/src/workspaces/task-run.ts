import {
  belongsTo,
  choice,
  define,
  hasMany,
  integer,
  nobody,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';

export const taskRun = define({
  type: 'task-runs',
  description: 'One run of a task, or of a whole notebook.',
  table: 'task_runs',
  tenant: 'teamId',
  attributes: {
    status: choice(['queued', 'running', 'succeeded', 'failed', 'cancelled'], 'How far it is.'),
    language: text('The language that ran.'),
    source: text('The code that ran.'),
    exitCode: integer('0 when it succeeded.', { nullable: true, min: -2_147_483_648 }),
    reason: text('Why it failed, when it did not end by itself.', { nullable: true }),
    runtime: text('What ran it.', { nullable: true }),
    startedAt: timestamp('When it started.', { nullable: true }),
    finishedAt: timestamp('When it ended.', { nullable: true }),
    insertedAt: timestamp('When it was asked for.'),
    updatedAt: timestamp('When it last changed.'),
  },
  relationships: {
    task: belongsTo('tasks', 'taskId', true),
    notebook: belongsTo('notebooks', 'notebookId'),
    user: belongsTo('users', 'userId', true),
    outputs: hasMany('task-run-outputs', 'runId'),
  },
  actions: {
    queue: { kind: 'create', description: 'Records a run; the server does it.' },
    start: { kind: 'update', description: 'It has started; the server says so.' },
    finish: { kind: 'update', description: 'It has ended; the server says so.' },
    cancel: {
      kind: 'verb',
      description: 'Cancels a run that has not finished.',
      route: { on: 'record', method: 'DELETE', path: '' },
      status: 200,
    },
  },
  policies: { read: signedIn, queue: nobody, start: nobody, finish: nobody, cancel: signedIn },
  events: {
    queue: { name: 'task-run.queued', version: 1 },
    start: { name: 'task-run.started', version: 1 },
    finish: { name: 'task-run.finished', version: 1 },
  },
});
