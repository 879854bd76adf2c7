import { expect, test } from 'vitest';
import { deserialise, serialise } from '../src/services/json-api.ts';

test('a document becomes plain records with what was included in its place', () => {
  const workspace = { type: 'workspaces', id: 'w1', attributes: { name: 'Study' } };
  const answer = deserialise({
    data: [
      {
        type: 'files',
        id: 'f1',
        attributes: { path: 'a.md' },
        relationships: {
          workspace: { data: { type: 'workspaces', id: 'w1' } },
          notebook: { data: null },
        },
      },
    ],
    included: [workspace],
    meta: { page: { total: 1 } },
    links: { next: '/api/v1/files?page[after]=x' },
  });
  expect(answer).toEqual({
    data: [{ id: 'f1', path: 'a.md', workspace: { id: 'w1', name: 'Study' } }],
    meta: { page: { total: 1 } },
    next: '/api/v1/files?page[after]=x',
  });
});

test('a related record that was not included is its id alone', () => {
  const relationships = { tasks: { data: [{ type: 'tasks', id: 't1' }] } };
  const { data, next } = deserialise({ data: { type: 'notebooks', id: 'n1', relationships } });
  expect([data, next]).toEqual([{ id: 'n1', tasks: [{ id: 't1' }] }, null]);
});

test('a write says the type, the attributes and whom it belongs to, and nothing else', () => {
  const body = serialise({
    type: 'files',
    attributes: { path: 'a.md' },
    relationships: { workspace: { type: 'workspaces', id: 'w1' } },
  });
  expect(JSON.parse(body)).toEqual({
    data: {
      type: 'files',
      attributes: { path: 'a.md' },
      relationships: { workspace: { data: { type: 'workspaces', id: 'w1' } } },
    },
  });
});
