import { belongsTo, define, json, self, signedIn, text, timestamp } from '@kyozo/resource';

export const passkey = define({
  type: 'passkeys',
  description: 'A device that signs a person in without a password.',
  table: 'passkeys',
  tenant: undefined,
  attributes: {
    name: text('What the person calls it.', { max: 200, min: 1 }),
    insertedAt: timestamp('When it was added.'),
    lastUsedAt: timestamp('When it last signed in.', { nullable: true }),
  },
  relationships: { user: belongsTo('users', 'userId') },
  actions: {
    create: {
      kind: 'create',
      description: 'Keeps a new passkey: what the device answered to the challenge.',
      accept: ['name'],
      arguments: { response: json('The answer, in the form of WebAuthn’s toJSON().') },
      require: ['name', 'response'],
    },
    update: { kind: 'update', description: 'Renames it.', accept: ['name'] },
    destroy: { kind: 'destroy', description: 'Removes it.' },
  },
  policies: {
    read: self('userId'),
    create: signedIn,
    update: self('userId'),
    destroy: self('userId'),
  },
  events: {},
});
