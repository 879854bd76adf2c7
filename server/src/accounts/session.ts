import { belongsTo, boolean, define, self, signedIn, text, timestamp } from '@kyozo/resource';

export const session = define({
  type: 'sessions',
  description: 'A place where a person is signed in. Ending it ends all its tokens at once.',
  table: 'sessions',
  tenant: undefined,
  attributes: {
    ipAddress: text('The address it was opened from.', { nullable: true }),
    userAgent: text('The program it was opened with, as it called itself.', { nullable: true }),
    current: boolean('Whether it is the one that asks.', {
      sql: 't.id is not distinct from current_credential()',
      filterable: false,
      sortable: false,
    }),
    insertedAt: timestamp('When it was opened.'),
    lastUsedAt: timestamp('When its tokens were last refreshed.', { sql: 't.updated_at' }),
    expiresAt: timestamp('When it ends if it is not used.'),
  },
  relationships: { user: belongsTo('users', 'userId') },
  actions: {
    destroy: { kind: 'destroy', description: 'Ends the session and every token issued in it.' },
    'revoke-others': {
      kind: 'verb',
      description: 'Ends all sessions but the one that asks.',
      route: { on: 'collection', method: 'POST', path: 'revoke-others' },
      status: 204,
    },
  },
  // Row-level security shows nobody another's.
  policies: { read: self('userId'), destroy: self('userId'), 'revoke-others': signedIn },
  events: {},
});
