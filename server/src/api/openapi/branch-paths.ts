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

const commits: Json = {
  type: 'object',
  required: ['data', 'links'],
  properties: {
    links: {
      type: 'object',
      required: ['self', 'next'],
      properties: { self: text, next: { type: ['string', 'null'] } },
    },
    data: objects(['type', 'id', 'attributes'], {
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
    }),
  },
};

/** What is read of branches past their records. */
export const branchPaths: Json = {
  '/branches/{id}/changes': {
    get: {
      operationId: 'getBranchChanges',
      tags: ['branches'],
      summary:
        'The files that a branch changed since it parted from main; with `path` one of them as a unified diff.',
      parameters: [
        team,
        idParameter,
        queryParameter('filePath', 'The file whose diff is meant.', text),
      ],
      responses: {
        200: {
          description: 'At most 1,000 files, by path; or the diff.',
          content: {
            ...(bodyOf(changes).content as Json),
            'text/x-diff': { schema: { type: 'string' } },
          },
        },
        ...failuresOf(readFailures),
      },
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
};
