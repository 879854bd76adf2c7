type Data = Record<string, unknown>;

/** What people are told, and how. */
export const notifications = {
  title: 'Notifications',
  unreadCount: (count: number) =>
    count === 0 ? 'Notifications' : `Notifications, ${count} unread`,
  unreadShort: (count: number) => `${count} unread`,
  unread: 'Unread',
  earlier: 'Earlier',
  all: 'See all',
  markRead: 'Mark as read',
  markAllRead: 'Mark all as read',
  remove: 'Delete',
  removed: 'Notification deleted',
  settings: 'Settings',
  more: 'Show older',
  emptyTitle: 'Nothing to read',
  emptyText: 'Invitations, changes of your roles and news of your account appear here.',
  readTitle: 'You have read everything',
  in: (team: string) => `in ${team}`,

  /** What happened, in one sentence. */
  kinds: {
    'invitation.received': ({ team, role, inviter }: Data) =>
      `${inviter ?? 'Somebody'} invites you to ${team} as ${role}. The link is in your mail.`,
    'invitation.accepted': ({ team, person, role }: Data) => `${person} joined ${team} as ${role}.`,
    'membership.role-changed': ({ team, role }: Data) => `Your role in ${team} is now ${role}.`,
    'membership.removed': ({ team }: Data) => `You are no longer a member of ${team}.`,
    'team.deleted': ({ team }: Data) => `The team ${team} was deleted.`,
    'security.refresh-reuse': () =>
      'A copy of one of your sessions was used, so we ended it. If it was not you, change your password.',
    'security.password-changed': () =>
      'Your password was changed. If it was not you, reset it now.',
    'security.second-factor-changed': ({ enabled, recoveryCodes }: Data) =>
      recoveryCodes
        ? 'You have new recovery codes; the old ones are dead.'
        : `Your second factor was turned ${enabled ? 'on' : 'off'}.`,
    'security.email-changed': () => 'The address of your account was changed.',
    'security.passkey-changed': ({ added, removed }: Data) =>
      added ? `The passkey “${added}” was added.` : `The passkey “${removed}” was removed.`,
    'storage.damaged': ({ team, damaged, missing }: Data) =>
      `Of the files of ${team}, ${damaged} contents are damaged and ${missing} missing.`,
  } as Record<string, (data: Data) => string>,
  unknownKind: 'Something happened that this version of the app does not know.',

  preferencesText: 'What you are told of, and where.',
  groups: { invitations: 'Invitations', memberships: 'Teams and roles', security: 'Security' },
  groupTexts: {
    invitations: 'You are invited, or someone accepts your invitation.',
    memberships: 'Your role changes, you are removed, or a team is deleted.',
    security: 'Passwords, second factors, passkeys and unusual sign-ins.',
  },
  inApp: 'In the app',
  mail: 'By mail',
  mailChoices: { off: 'Never', immediate: 'At once', daily: 'Once a day' },
  mailOf: (group: string) => `${group} by mail`,
  inAppOf: (group: string) => `${group} in the app`,
  securityNote: 'News of your account is always shown and always mailed, so that you can act.',
  dailyNote: 'The daily mail leaves at 07:00 UTC.',
};
