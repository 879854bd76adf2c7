import {
  acting,
  all,
  any,
  belongsTo,
  choice,
  define,
  role,
  self,
  signedIn,
  timestamp,
} from '@kyozo/resource';

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
  actions: {
    update: {
      kind: 'update',
      description: 'Changes the role; only an owner makes owners or changes theirs.',
      accept: ['role'],
    },
    destroy: { kind: 'destroy', description: 'Removes the member, or leaves the team.' },
  },
  policies: {
    read: signedIn,
    update: all(acting('teamId'), role('owner', 'admin')),
    destroy: all(acting('teamId'), any(self('userId'), role('owner', 'admin'))),
  },
  events: {
    update: { name: 'user-team.updated', version: 1 },
    destroy: { name: 'user-team.deleted', version: 1 },
  },
});
