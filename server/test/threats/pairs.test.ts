import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Acting, teamOf } from '../accounts/members.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Side = { acting: Acting; workspace: RecordObject; file: RecordObject; gone: RecordObject };
let server: TestServer;
let mine: Side;
let theirs: Side;
beforeAll(async () => {
  server = await startServer();
  [mine, theirs] = [await side('Mine'), await side('Theirs')];
});
afterAll(() => server.stop());

async function side(name: string): Promise<Side> {
  const acting = await teamOf(await register(server.url, name), name);
  const workspace = await acting.workspace();
  const file = await acting.file(workspace, 'a.md', '# A\n\n```bash\necho hi\n```\n');
  const gone = await acting.file(workspace, 'gone.md', 'gone\n');
  await acting.delete(`/files/${gone.id}`);
  return { acting, workspace, file, gone };
}

/** Every table of both teams, row by row, so that any side effect shows. */
async function everything(): Promise<string> {
  const tables = ['workspaces', 'files', 'file_versions', 'user_teams', 'events', 'task_runs'];
  const parts = tables.map(
    (table) =>
      `select '${table}' || coalesce(string_agg(to_jsonb(t)::text, ',' order by t.id), '') as it from ${table} t`,
  );
  const rows = await server.query<{ it: string }>(parts.join(' union all '));
  return rows.map(({ it }) => it).join('\n');
}

type Ask = () => Promise<{ status: number }>;
const identifier = (record: RecordObject) => ({ data: { type: record.type, id: record.id } });
const atomic = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';

/** Requests of mine that name two things, of which at least one is theirs. */
const pairs: [string, Ask][] = [
  [
    'a file into their workspace',
    () =>
      mine.acting.post(
        '/files',
        'files',
        { path: 'x.md', content: 'x' },
        { workspace: identifier(theirs.workspace) },
      ),
  ],
  [
    'an empty file into their workspace',
    () =>
      mine.acting.post(
        '/files',
        'files',
        { path: 'x.md' },
        { workspace: identifier(theirs.workspace) },
      ),
  ],
  [
    'my file’s workspace by its relationship',
    () =>
      mine.acting.request(`/files/${mine.file.id}/relationships/workspace`, {
        method: 'PATCH',
        body: identifier(theirs.workspace),
      }),
  ],
  [
    'their file’s workspace by its relationship',
    () =>
      mine.acting.request(`/files/${theirs.file.id}/relationships/workspace`, {
        method: 'PATCH',
        body: identifier(mine.workspace),
      }),
  ],
  [
    'their file by an update that names my team',
    () => mine.acting.patch(`/files/${theirs.file.id}`, theirs.file, { path: 'y.md' }),
  ],
  [
    'my team to their member',
    () =>
      mine.acting.post(`/teams/${mine.acting.team}/transfer`, 'teams', {
        userId: theirs.acting.id,
      }),
  ],
  [
    'their team to me',
    () =>
      mine.acting.post(`/teams/${theirs.acting.team}/transfer`, 'teams', {
        userId: mine.acting.id,
      }),
  ],
  ['operations: mine, then theirs', () => operations([mine.file, theirs.file])],
  ['operations: theirs, then mine', () => operations([theirs.file, mine.file])],
];

const operations = (files: RecordObject[]) =>
  mine.acting.request('/operations', {
    method: 'POST',
    headers: { 'content-type': atomic },
    raw: JSON.stringify({
      'atomic:operations': files.map(({ type, id }) => ({
        op: 'update',
        data: { type, id, attributes: { metadata: { taken: true } } },
      })),
    }),
  });

test.each(pairs)(
  'A1.1 two ids, one foreign: %s is refused and changes nothing',
  async (_name, ask) => {
    const before = await everything();
    const { status } = await ask();
    // 422 only where a value, and not an address, names what is not there for me.
    expect([403, 404, 422]).toContain(status);
    expect(await everything()).toBe(before);
  },
);

test('A1.1 the same by GraphQL', async () => {
  const before = await everything();
  const send = async (query: string) => {
    const response = await mine.acting.fetch('/api/graphql', {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      raw: JSON.stringify({ query }),
    });
    const { data } = (await response.json()) as {
      data: Record<string, { result: unknown; errors: { code: string }[] }>;
    };
    return Object.values(data);
  };
  const own = `createFile(input: { path: "x.md", workspaceId: "${theirs.workspace.id}" })`;
  const moved = `updateFile(id: "${theirs.file.id}", input: { path: "y.md" })`;
  const given = `transferTeam(id: "${mine.acting.team}", input: { userId: "${theirs.acting.id}" })`;
  const taken = `transferTeam(id: "${theirs.acting.team}", input: { userId: "${mine.acting.id}" })`;
  const text = [own, moved, given, taken]
    .map((call, index) => `a${index}: ${call} { result { id } errors { code } }`)
    .join(' ');
  for (const { result, errors } of await send(`mutation { ${text} }`)) {
    expect(result).toBeNull();
    expect(['not_found', 'forbidden', 'invalid']).toContain(errors[0]!.code);
  }
  expect(await everything()).toBe(before);
});

test('A1.2 their files in every state are out of reach of every verb, restore too', async () => {
  const before = await everything();
  for (const { id, type } of [theirs.file, theirs.gone]) {
    const asks: [string, string, object?][] = [
      ['GET', `/files/${id}`],
      ['GET', `/files/${id}/content`],
      ['GET', `/files/${id}/versions`],
      ['PATCH', `/files/${id}`, { data: { type, id, attributes: { path: 'z.md' } } }],
      ['DELETE', `/files/${id}`],
      ['POST', `/files/${id}/restore`, { data: { type, attributes: {} } }],
      ['POST', `/files/${id}/restore`, { data: { type, attributes: { version: 1 } } }],
      ['POST', `/files/${id}/versions`, { data: { type, attributes: {} } }],
    ];
    for (const [method, path, body] of asks) {
      const { status } = await mine.acting.fetch(path, { method, body });
      expect([method, path, status]).toEqual([method, path, 404]);
    }
  }
  // What a reading key of theirs may see in the trash, it may not bring back.
  const reader = await keyOf(theirs.acting, ['read']);
  expect((await reader.post(`/files/${theirs.gone.id}/restore`, 'files')).status).toBe(403);
  const after = await everything();
  expect(after.replace(/\nevents.*/, '')).toBe(before.replace(/\nevents.*/, ''));
});

async function keyOf(acting: Acting, scopes: string[]) {
  const { body } = await acting.post('/api-keys', 'api-keys', { name: 'k', scopes });
  return new Person(server.url, body.meta.key as string);
}

test('A1.9 bytes that another team has already are stored and answered as new ones', async () => {
  const text = `the same ${crypto.randomUUID()}\n`;
  const first = await theirs.acting.file(theirs.workspace, 'same.md', text);
  const second = await mine.acting.file(mine.workspace, 'same.md', text);
  const plain = (it: RecordObject) => {
    const { insertedAt: _a, updatedAt: _b, ...attributes } = it.attributes;
    return attributes;
  };
  expect(plain(second)).toEqual(plain(first));
  // A hash is no address: nothing takes one, and a made-up attribute is refused.
  for (const name of ['sha256', 'address', 'storageBackend']) {
    const { status } = await mine.acting.post(
      '/files',
      'files',
      { path: 'claimed.md', [name]: 'x' },
      { workspace: identifier(mine.workspace) },
    );
    expect([name, status]).toEqual([name, 422]);
  }
});
