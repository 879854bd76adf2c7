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
import { choices } from './merge-conflicts.ts';

const resolutionSchema = {
  type: 'object',
  additionalProperties: {
    anyOf: [
      { type: 'string', enum: choices },
      {
        type: 'object',
        required: ['text'],
        additionalProperties: false,
        properties: { text: { type: 'string' }, conflict: { type: 'string' } },
      },
    ],
  },
};

export const branch = define({
  type: 'branches',
  description:
    'A line of commits in a workspace. Files are what `main` holds; others are beside it.',
  table: 'branches',
  tenant: 'teamId',
  within: ['workspace'],
  attributes: {
    name: text('The name.', { max: 250, min: 1 }),
    head: text('Its newest commit; none in a workspace without any.', { nullable: true }),
    ahead: integer('Commits that it has and `main` has not, up to 10,000 with those behind.', {
      nullable: true,
    }),
    behind: integer('Commits that `main` has and it has not.', { nullable: true }),
    message: text('What its newest commit says.', { nullable: true }),
    authors: json('Who made its newest commit, as name and address.', {
      nullable: true,
      sql: 'shown_authors(t.authors)',
    }),
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
        'Merges it into `main`, file by file. Where both changed the same, nothing is merged and `meta.files` tells the conflicts, until `resolution` says what stands: by path `ours` (main), `theirs` (the branch), `both`, or a text.',
      arguments: {
        resolution: json(
          'What stands of each file in conflict, by its path. A `text` may name the `conflict` that it was written for; nothing is merged when that has changed since.',
          { max: 8 * 2 ** 20, schema: resolutionSchema },
        ),
      },
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
