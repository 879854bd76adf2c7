import { belongsTo, choice, define, integer, signedIn, text, timestamp } from '@kyozo/resource';

export const transferEntry = define({
  type: 'transfer-entries',
  description: 'What became of one file of an archive that came in.',
  table: 'transfer_entries',
  tenant: 'teamId',
  attributes: {
    position: integer('Where it stands in the archive, from 0.'),
    path: text('What the archive calls it.'),
    outcome: choice(['created', 'changed', 'same', 'refused'], 'What became of it.'),
    reason: text('Why it was refused.', { nullable: true }),
    insertedAt: timestamp('When that was so.'),
  },
  relationships: { transfer: belongsTo('transfers', 'transferId') },
  actions: {},
  // Row-level security shows nobody another's.
  policies: { read: signedIn },
  events: {},
});
