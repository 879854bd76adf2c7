import { boolean, choice, define, self, signedIn, text, timestamp } from '@kyozo/resource';

export const notificationPreference = define({
  type: 'notification-preferences',
  description: 'How a person wants to be told of one group of kinds.',
  table: 'notification_preferences',
  tenant: undefined,
  attributes: {
    group: choice(['invitations', 'memberships', 'security'], 'Which kinds.'),
    inApp: boolean('Whether they are shown; security always is.'),
    mail: choice(
      ['off', 'immediate', 'daily'],
      'Whether they are mailed, at once or once a day at 07:00 UTC; security cannot be switched off.',
    ),
    updatedAt: timestamp('When it last changed.'),
  },
  internal: { userId: text('Whose it is.') },
  relationships: {},
  actions: {
    update: { kind: 'update', description: 'Changes how to be told.', accept: ['inApp', 'mail'] },
  },
  policies: { read: self('userId'), update: signedIn },
  events: {},
});
