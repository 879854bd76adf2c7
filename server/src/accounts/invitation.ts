import {
  anyone,
  belongsTo,
  choice,
  define,
  role,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';

const token = text('The token of the invitation.', { max: 1_000 });

export const invitation = define({
  type: 'invitations',
  description: 'An invitation to a team, bound to an address; gone once accepted or cancelled.',
  table: 'invitations',
  tenant: 'teamId',
  attributes: {
    email: text('The address.', { format: 'email' }),
    role: choice(['owner', 'admin', 'member'], 'What the person will be.'),
    expiresAt: timestamp('When it ends.'),
    insertedAt: timestamp('When it was made.'),
  },
  internal: { hash: text('SHA-256 of the token.') },
  relationships: {
    inviter: belongsTo('users', 'inviterId', true),
    team: belongsTo('teams', 'teamId'),
  },
  actions: {
    create: {
      kind: 'create',
      description: 'Invites an address; the token and its link are shown once, and mailed.',
      accept: ['email', 'role'],
      require: ['email', 'role'],
    },
    destroy: { kind: 'destroy', description: 'Cancels the invitation.' },
    resend: {
      kind: 'verb',
      description: 'Sends it again with a new token and time; the old token is dead.',
      route: { on: 'record', method: 'POST', path: 'resend' },
      status: 200,
    },
    // Named whole, since GraphQL shows actions on a collection without their noun.
    'preview-invitation': {
      kind: 'verb',
      description: 'Shows where a token leads: team, role, email and inviter.',
      arguments: { token },
      require: ['token'],
      route: { on: 'collection', method: 'POST', path: 'preview' },
      status: 200,
    },
    'accept-invitation': {
      kind: 'verb',
      description: 'Joins the team, with the account of the invited address.',
      arguments: { token },
      require: ['token'],
      route: { on: 'collection', method: 'POST', path: 'accept' },
      status: 200,
      answers: 'user-teams',
    },
  },
  policies: {
    read: role('owner', 'admin'),
    create: role('owner', 'admin'),
    destroy: role('owner', 'admin'),
    resend: role('owner', 'admin'),
    'preview-invitation': anyone,
    'accept-invitation': signedIn,
  },
  events: {
    create: { name: 'invitation.created', version: 1 },
    destroy: { name: 'invitation.cancelled', version: 1 },
    resend: { name: 'invitation.resent', version: 1 },
  },
});
