import { belongsTo, choice, define, signedIn, timestamp } from '@kyozo/resource';

export const userTeam = define({
  type: 'user-teams',
  description: "A person's membership in a team.",
  table: 'user_teams',
  tenant: 'teamId',
  attributes: {
    role: choice(['owner', 'admin', 'member'], 'What the person may do.'),
    insertedAt: timestamp('When they joined.'),
    updatedAt: timestamp('When it last changed.'),
  },
  relationships: {
    user: belongsTo('users', 'userId'),
    team: belongsTo('teams', 'teamId'),
  },
  actions: {},
  policies: { read: signedIn },
  events: {},
});
