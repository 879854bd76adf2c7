import { belongsTo, define, json, self, signedIn, text, timestamp } from '@kyozo/resource';

export const notification = define({
  type: 'notifications',
  description: 'Something that happened which a person should know of, in any of their teams.',
  table: 'notifications',
  // A person's, over all their teams: row-level security goes by the person.
  tenant: undefined,
  attributes: {
    kind: text('What happened, such as invitation.accepted.'),
    data: json('What it was about.'),
    readAt: timestamp('When it was read.', { nullable: true }),
    insertedAt: timestamp('When it happened.'),
  },
  internal: { userId: text('Whose it is.') },
  relationships: { team: belongsTo('teams', 'teamId', true) },
  // Ids of one millisecond come in no order.
  sort: [{ field: 'insertedAt', descending: true }],
  actions: {
    'mark-read': {
      kind: 'verb',
      description: 'Marks the notification as read.',
      route: { on: 'record', method: 'POST', path: 'read' },
      status: 200,
    },
    'read-all-notifications': {
      kind: 'verb',
      description: 'Marks all of the own notifications as read.',
      route: { on: 'collection', method: 'POST', path: 'read-all' },
      status: 204,
    },
    destroy: { kind: 'destroy', description: 'Removes the notification.' },
  },
  policies: {
    read: self('userId'),
    // What cannot be read is not found, so whoever reaches it is its person.
    'mark-read': signedIn,
    'read-all-notifications': signedIn,
    destroy: signedIn,
  },
  events: {},
});
