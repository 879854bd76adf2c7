import {
  all,
  any,
  belongsTo,
  type Check,
  define,
  fieldIs,
  integer,
  json,
  not,
  role,
  self,
  signedIn,
  text,
  timestamp,
  uuid,
} from '@kyozo/resource';

/** Events of this type are for those whom the check lets see the record itself. */
const of = (type: string, who: Check): Check => any(not(fieldIs('resource', type)), who);

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
  internal: {
    subjectId: uuid('Whose the record is.', { sql: "(t.state->>'user_id')::uuid" }),
  },
  relationships: { user: belongsTo('users', 'userId', true) },
  actions: {},
  policies: {
    // Nobody learns from the log what they may not read.
    read: all(
      signedIn,
      of('invitations', role('owner', 'admin')),
      of('api-keys', any(self('subjectId'), role('owner', 'admin'))),
      of('transfers', self('subjectId')),
    ),
  },
  events: {},
});
