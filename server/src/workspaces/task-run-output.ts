import { belongsTo, choice, define, integer, signedIn, text, timestamp } from '@kyozo/resource';

export const taskRunOutput = define({
  type: 'task-run-outputs',
  description: 'A piece of what a run said, in order.',
  table: 'task_run_outputs',
  tenant: 'teamId',
  cursor: 'seq',
  attributes: {
    seq: integer('The number in the run, from 1.'),
    stream: choice(['stdout', 'stderr', 'result', 'display', 'error'], 'What kind of output.'),
    mimeType: text('The media type of the data.'),
    data: text('The output.'),
    insertedAt: timestamp('When it came.'),
  },
  relationships: { run: belongsTo('task-runs', 'runId') },
  actions: {},
  policies: { read: signedIn },
  events: {},
});
