import {
  bodyOf,
  failuresOf,
  headerRef,
  idParameter,
  type Json,
  queryParameter,
  readFailures,
} from './shared.ts';

const team = headerRef('Team');
const text: Json = { type: 'string' };
const objects = (required: string[], properties: Json): Json => ({
  type: 'array',
  items: { type: 'object', required, properties },
});
const count: Json = { type: 'integer', minimum: 0 };
const lines: Json = { type: ['integer', 'null'], minimum: 0 };

const changes: Json = {
  type: 'object',
  required: ['meta'],
  properties: {
    meta: {
      type: 'object',
      required: ['base', 'head', 'files', 'total'],
      properties: {
        base: { type: ['string', 'null'] },
        head: text,
        total: count,
        files: objects(['path', 'kind', 'additions', 'deletions', 'binary'], {
          path: text,
          kind: { enum: ['added', 'changed', 'deleted'] },
          additions: lines,
          deletions: lines,
          binary: { type: 'boolean' },
        }),
      },
    },
  },
};

const commit: Json = {
  type: 'object',
  required: ['type', 'id', 'attributes'],
  properties: {
    type: { const: 'commits' },
    id: text,
    attributes: {
      type: 'object',
      required: ['message', 'authors', 'committedAt', 'parents', 'pathCount', 'paths'],
      properties: {
        message: text,
        authors: objects(['name', 'email'], { name: text, email: text }),
        committedAt: { type: ['string', 'null'], format: 'date-time' },
        parents: { type: 'array', items: text },
        pathCount: count,
        paths: { type: 'array', items: text },
      },
    },
  },
};

const commits: Json = {
  type: 'object',
  required: ['data', 'links'],
  properties: {
    links: {
      type: 'object',
      required: ['self', 'next'],
      properties: { self: text, next: { type: ['string', 'null'] } },
    },
    data: { type: 'array', items: commit },
  },
};

const oneCommit: Json = {
  type: 'object',
  required: ['data', 'links'],
  properties: {
    data: commit,
    links: { type: 'object', required: ['self'], properties: { self: text } },
  },
};

const commitParameter: Json = {
  name: 'commitId',
  in: 'path',
  required: true,
  description: 'The id of the commit.',
  schema: { type: 'string', pattern: '^[0-9a-f]{40}$' },
};
const fileParameter = queryParameter('filePath', 'The file whose diff is meant.', text);
const changesOrDiff: Json = {
  description: 'At most 1,000 files, by path; or the diff.',
  content: {
    ...(bodyOf(changes).content as Json),
    'text/x-diff': { schema: { type: 'string' } },
  },
};

/** What is read of branches past their records. */
export const branchPaths: Json = {
  '/branches/{id}/changes': {
    get: {
      operationId: 'getBranchChanges',
      tags: ['branches'],
      summary:
        'The files that a branch changed since it parted from main; with `filePath` one of them as a unified diff.',
      parameters: [team, idParameter, fileParameter],
      responses: { 200: changesOrDiff, ...failuresOf(readFailures) },
    },
  },
  '/workspaces/{id}/commits': {
    get: {
      operationId: 'getWorkspaceCommits',
      tags: ['branches'],
      summary: 'The commits of a workspace, newest first.',
      parameters: [
        team,
        idParameter,
        queryParameter('branchName', 'The branch whose commits are meant; main.', text),
        queryParameter('page[size]', 'How many; 30.', {
          type: 'integer',
          minimum: 1,
          maximum: 100,
        }),
        queryParameter('page[after]', 'Goes on behind this cursor, as `links.next` does.', text),
      ],
      responses: {
        200: { description: 'One page.', ...bodyOf(commits) },
        ...failuresOf(readFailures),
      },
    },
  },
  '/workspaces/{id}/commits/{commitId}': {
    get: {
      operationId: 'getWorkspaceCommit',
      tags: ['branches'],
      summary: 'One commit.',
      parameters: [team, idParameter, commitParameter],
      responses: {
        200: { description: 'The commit.', ...bodyOf(oneCommit) },
        ...failuresOf(readFailures),
      },
    },
  },
  '/workspaces/{id}/commits/{commitId}/changes': {
    get: {
      operationId: 'getWorkspaceCommitChanges',
      tags: ['branches'],
      summary:
        'The files that a commit changed against its first parent; with `filePath` one of them as a unified diff.',
      parameters: [team, idParameter, commitParameter, fileParameter],
      responses: { 200: changesOrDiff, ...failuresOf(readFailures) },
    },
  },
};
