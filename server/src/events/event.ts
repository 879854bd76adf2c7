import { belongsTo, define, integer, json, signedIn, text, timestamp, uuid } from '@kyozo/resource';

export const event = define({
  type: 'events',
  description: 'What happened: one change of one record, immutable.',
  table: 'events',
  tenant: 'teamId',
  attributes: {
    name: text('What happened, such as file.created.'),
    version: integer('The version of the form of `data`.'),
    resource: text('The type of the record.'),
    recordId: uuid('The record.'),
    data: json('The record after the change.', { sql: 'event_data(t.state)' }),
    occurredAt: timestamp('When.'),
  },
  relationships: { user: belongsTo('users', 'userId', true) },
  actions: {},
  policies: { read: signedIn },
  events: {},
});
