import {
  belongsTo,
  define,
  integer,
  json,
  nobody,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';

export const branch = define({
  type: 'branches',
  description:
    'A line of commits in a workspace. Files are what `main` holds; others are beside it.',
  table: 'branches',
  tenant: 'teamId',
  attributes: {
    name: text('The name.', { max: 250, min: 1 }),
    head: text('Its newest commit; none in a workspace without any.', { nullable: true }),
    ahead: integer('Commits that it has and `main` has not, up to 10,000 with those behind.', {
      nullable: true,
    }),
    behind: integer('Commits that `main` has and it has not.', { nullable: true }),
    message: text('What its newest commit says.', { nullable: true }),
    authors: json('Who made its newest commit, as name and address.', { nullable: true }),
    committedAt: timestamp('When its newest commit was made.', { nullable: true }),
  },
  relationships: { workspace: belongsTo('workspaces', 'workspaceId') },
  sort: [{ field: 'name', descending: false }],
  actions: {
    create: {
      kind: 'create',
      description: 'Begins a branch at another one, `main` when none is named, or at a commit.',
      accept: ['name'],
      arguments: {
        from: text('The name of a branch, or the id of a commit.', { max: 250, min: 1 }),
      },
      relate: ['workspace'],
      require: ['name', 'workspace'],
    },
    move: { kind: 'update', description: 'Its newest commit is another; the server says so.' },
    destroy: { kind: 'destroy', description: 'Removes a branch; `main` stays.' },
    merge: {
      kind: 'verb',
      description:
        'Merges it into `main`, file by file. Where both changed the same, `resolution` says what stands: by path `ours` (main), `theirs` (the branch) or `both`.',
      arguments: { resolution: json('What stands of each file in conflict, by its path.') },
      route: { on: 'record', method: 'POST', path: 'merge' },
      status: 200,
      scope: 'files',
    },
  },
  policies: { read: signedIn, create: signedIn, move: nobody, destroy: signedIn, merge: signedIn },
  events: {
    create: { name: 'branch.created', version: 1 },
    move: { name: 'branch.moved', version: 1 },
    destroy: { name: 'branch.deleted', version: 1 },
  },
});
