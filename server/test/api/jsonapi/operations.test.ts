import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../../support/api.ts';
import { startServer, type TestServer } from '../../support/server.ts';

const atomic = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace('Docs');
});
afterAll(() => server.stop());

type Result = { data?: RecordObject; meta?: Record<string, unknown> };
type Answered = {
  status: number;
  type: string;
  results: Result[];
  errors: { status: string; code: string; source?: { pointer?: string } }[];
  body: string;
};

async function send(
  operations: unknown,
  headers: Record<string, string> = {},
  who = ann,
): Promise<Answered> {
  const response = await who.fetch('/operations', {
    method: 'POST',
    headers: { 'content-type': atomic, accept: atomic, ...headers },
    raw: JSON.stringify({ 'atomic:operations': operations }),
  });
  const body = await response.text();
  const parsed = body === '' ? {} : JSON.parse(body);
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    results: parsed['atomic:results'] ?? [],
    errors: parsed.errors ?? [],
    body,
  };
}

const addFile = (path: string, content?: string, workspaceLinkage: object = workspace) => ({
  op: 'add',
  data: {
    type: 'files',
    attributes: content === undefined ? { path } : { path, content },
    relationships: { workspace: { data: linkageOf(workspaceLinkage) } },
  },
});
const linkageOf = (it: object) => {
  const { type, id, lid } = it as { type: string; id?: string; lid?: string };
  return lid ? { type, lid } : { type, id };
};
const counts = () =>
  server.query(
    'select (select count(*) from workspaces) w, (select count(*) from files) f, (select count(*) from file_versions) v, (select count(*) from events) e',
  );

test('what one operation makes, the next one reaches by its lid', async () => {
  const { status, type, results } = await send([
    { op: 'add', data: { type: 'workspaces', lid: 'w', attributes: { name: 'By lid' } } },
    addFile('a.md', '# A\n', { type: 'workspaces', lid: 'w' }),
    {
      op: 'update',
      ref: { type: 'workspaces', lid: 'w' },
      data: { type: 'workspaces', lid: 'w', attributes: { description: 'x' } },
    },
  ]);
  expect(status).toBe(200);
  expect(type).toContain('ext="https://jsonapi.org/ext/atomic"');
  expect(results).toHaveLength(3);
  const made = results[0]!.data!;
  expect(results[1]!.data!.relationships.workspace!.data).toEqual({
    type: 'workspaces',
    id: made.id,
  });
  expect((await ann.get(`/workspaces/${made.id}`)).body.data.attributes.description).toBe('x');
  expect(await (await ann.fetch(`/files/${results[1]!.data!.id}/content`)).text()).toBe('# A\n');
});

test('three files of one workspace are three commits, and a clone would hold them', async () => {
  const { results } = await send(['1', '2', '3'].map((n) => addFile(`many/${n}.md`, n)));
  const [row] = await server.query<{ head_commit: string }>(
    'select head_commit from workspaces where id = $1',
    [workspace.id],
  );
  expect(row!.head_commit).toMatch(/^[0-9a-f]{40}$/);
  for (const [index, result] of results.entries())
    expect(await (await ann.fetch(`/files/${result.data!.id}/content`)).text()).toBe(
      String(index + 1),
    );
});

test('a later failure takes back everything, events and versions too', async () => {
  const before = await counts();
  const { status, errors } = await send([
    { op: 'add', data: { type: 'workspaces', attributes: { name: 'Gone' } } },
    addFile('gone.md', 'x'),
    addFile('../up.md', 'x'),
  ]);
  expect(status).toBe(422);
  expect(errors[0]!.source!.pointer).toBe('/atomic:operations/2/data/attributes/path');
  expect(await counts()).toEqual(before);
  // The repository goes on from what the database says, not from the commit that was taken back.
  expect((await send([addFile('gone.md', 'y')])).status).toBe(200);
});

test('a taken slug that was not asked for is made anew, inside the transaction too', async () => {
  const { status, results } = await send([
    { op: 'add', data: { type: 'workspaces', attributes: { name: 'Twice' } } },
    { op: 'add', data: { type: 'workspaces', attributes: { name: 'Twice' } } },
  ]);
  expect(status).toBe(200);
  expect(results[0]!.data!.attributes.slug).toBe('twice');
  expect(results[1]!.data!.attributes.slug).toMatch(/^twice-/);
});

test('when every result is empty the answer is 204', async () => {
  const file = await ann.file(workspace, 'bye.md', 'x');
  const { status, body } = await send([{ op: 'remove', ref: { type: 'files', id: file.id } }]);
  expect([status, body]).toEqual([204, '']);
  expect((await ann.get(`/files/${file.id}`)).body.data.attributes.deletedAt).not.toBeNull();
});

test('href stands for ref', async () => {
  const file = await ann.file(workspace, 'href.md', 'x');
  const { status, results } = await send([
    {
      op: 'update',
      href: `/api/v1/files/${file.id}`,
      data: { type: 'files', id: file.id, attributes: { path: 'href-2.md' } },
    },
    {
      op: 'add',
      href: '/api/v1/workspaces',
      data: { type: 'workspaces', attributes: { name: 'By href' } },
    },
  ]);
  expect(status).toBe(200);
  expect(results.map((it) => it.data!.attributes.name)).toEqual(['href-2.md', 'By href']);
});

describe('refused', () => {
  const missing = '01890a5d-ac96-774b-bcce-b302099a8057';
  const add = { op: 'add', data: { type: 'workspaces', attributes: { name: 'x' } } };
  test.each<[string, unknown, number, string]>([
    ['no list', {}, 400, '/atomic:operations'],
    ['an empty list', [], 400, '/atomic:operations'],
    ['101 operations', new Array(101).fill(add), 400, '/atomic:operations'],
    ['a text for an operation', ['add'], 400, '/atomic:operations/0'],
    ['an unknown op', [{ ...add, op: 'upsert' }], 400, '/atomic:operations/0/op'],
    [
      'ref and href',
      [{ ...add, ref: { type: 'workspaces' }, href: '/workspaces' }],
      400,
      '/atomic:operations/0',
    ],
    ['no data', [{ op: 'add' }], 400, '/atomic:operations/0'],
    ['a remove of nothing', [{ op: 'remove' }], 400, '/atomic:operations/0'],
    [
      'an unknown lid',
      [{ op: 'remove', ref: { type: 'files', lid: 'x' } }],
      400,
      '/atomic:operations/0/ref/lid',
    ],
    [
      'a lid of another type',
      [
        { ...add, data: { ...add.data, lid: 'x' } },
        { op: 'remove', ref: { type: 'files', lid: 'x' } },
      ],
      400,
      '/atomic:operations/1/ref/lid',
    ],
    [
      'one lid for two',
      [
        { ...add, data: { ...add.data, lid: 'x' } },
        { ...add, data: { ...add.data, lid: 'x' } },
      ],
      400,
      '/atomic:operations/1/data/lid',
    ],
    ['an unknown type', [{ op: 'add', data: { type: 'nope' } }], 404, '/atomic:operations/0'],
    [
      'a missing record',
      [add, { op: 'remove', ref: { type: 'files', id: missing } }],
      404,
      '/atomic:operations/1',
    ],
    [
      'an id of its own',
      [{ ...add, data: { ...add.data, id: missing } }],
      403,
      '/atomic:operations/0/data/id',
    ],
    [
      'an unknown attribute',
      [{ op: 'add', data: { type: 'workspaces', attributes: { name: 'x', nope: 1 } } }],
      422,
      '/atomic:operations/0/data/attributes/nope',
    ],
    [
      'a record without such an action',
      [{ op: 'add', data: { type: 'events', attributes: {} } }],
      403,
      '/atomic:operations/0',
    ],
    [
      'what no transaction can hold',
      [add, { op: 'add', data: { type: 'teams', attributes: { name: 'x' } } }],
      403,
      '/atomic:operations/1',
    ],
    [
      'a relationship that cannot be changed',
      [
        {
          op: 'update',
          ref: { type: 'workspaces', id: missing, relationship: 'nope' },
          data: null,
        },
      ],
      404,
      '/atomic:operations/0/ref',
    ],
  ])('%s', async (_name, operations, status, pointer) => {
    const before = await counts();
    const answer = await send(operations);
    expect([answer.status, answer.errors[0]!.source!.pointer]).toEqual([status, pointer]);
    expect(await counts()).toEqual(before);
  });

  test('data, included or errors beside the operations', async () => {
    for (const name of ['data', 'included', 'errors']) {
      const response = await ann.fetch('/operations', {
        method: 'POST',
        headers: { 'content-type': atomic },
        raw: JSON.stringify({ 'atomic:operations': [add], [name]: [] }),
      });
      expect(response.status).toBe(400);
    }
  });

  test('a content type without the extension, and the extension anywhere else', async () => {
    const plain = { 'content-type': 'application/vnd.api+json' };
    expect((await send([add], plain)).status).toBe(415);
    const other = { 'content-type': 'application/vnd.api+json;ext="https://example.com/x"' };
    expect((await send([add], other)).status).toBe(415);
    const elsewhere = await ann.request('/workspaces', {
      method: 'POST',
      headers: { 'content-type': atomic },
      body: { data: add.data },
    });
    expect(elsewhere.status).toBe(415);
  });

  test("a stranger's records, all of them or none", async () => {
    const mallory = await register(server.url, 'Mallory');
    const before = await counts();
    const answer = await send(
      [
        add,
        {
          op: 'update',
          ref: { type: 'workspaces', id: workspace.id },
          data: { type: 'workspaces', id: workspace.id, attributes: { name: 'Mine' } },
        },
      ],
      {},
      mallory,
    );
    expect(answer.status).toBe(404);
    expect(await counts()).toEqual(before);
  });

  test('a key that may only read, and nobody', async () => {
    expect((await send([add], {}, await ann.key('read'))).status).toBe(403);
    expect((await send([add], { authorization: 'Bearer x' })).status).toBe(401);
  });
});

test('two requests that write the same workspace at once both stand', async () => {
  const both = await Promise.all(
    ['p', 'q'].map((name) =>
      send([1, 2, 3, 4, 5].map((n) => addFile(`${name}/${n}.md`, `${name}${n}`))),
    ),
  );
  expect(both.map(({ status }) => status)).toEqual([200, 200]);
  for (const { results } of both)
    for (const { data } of results)
      expect(await (await ann.fetch(`/files/${data!.id}/content`)).text()).toHaveLength(2);
});
