import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
const files: RecordObject[] = [];

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace('Docs');
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    files.push(await ann.file(workspace, `${name}.md`, `# ${name.repeat(10)}\n`));
});
afterAll(() => server.stop());

describe('media types', () => {
  const body = { data: { type: 'workspaces', attributes: { name: 'x' } } };
  test.each([
    ['application/json', 415],
    ['application/vnd.api+json; charset=utf-8', 415],
    ['application/vnd.api+json; ext="https://example.com/ext"', 415],
    ['text/plain', 415],
    ['application/vnd.api+json; profile="https://example.com/p"', 201],
  ])('Content-Type %s → %i', async (type, status) => {
    const answer = await ann.request('/workspaces', {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect(answer.status).toBe(status);
    if (status === 415) expect(answer.body.errors[0]!.source).toEqual({ header: 'Content-Type' });
  });

  test.each([
    ['application/vnd.api+json; ext="https://example.com/ext"', 406],
    ['application/vnd.api+json; version=1', 406],
    ['text/html', 406],
    ['application/vnd.api+json; version=1, application/vnd.api+json', 200],
    ['*/*', 200],
  ])('Accept %s → %i', async (accept, status) => {
    const answer = await ann.get('/workspaces', { accept });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('vary')).toContain('Accept');
    expect(answer.headers.get('content-type')).toContain('application/vnd.api+json');
  });
});

describe('reads', () => {
  test('a record shows its attributes, relationships and links', async () => {
    const { status, body } = await ann.get(`/files/${files[0]!.id}`);
    expect(status).toBe(200);
    expect(body.jsonapi).toEqual({ version: '1.1' });
    expect(body.data.attributes).toMatchObject({
      path: 'a.md',
      name: 'a.md',
      contentType: 'text/markdown',
      size: 13,
      version: 1,
      storageBackend: 'git',
      deletedAt: null,
    });
    expect(body.data.attributes).not.toHaveProperty('address');
    expect(body.data.relationships.workspace!.data).toEqual({
      type: 'workspaces',
      id: workspace.id,
    });
  });

  test('pages by cursor cover every record once, both ways', async () => {
    const seen: string[] = [];
    let next: string | null = '/files?sort=path&page[size]=2';
    let last: string | null = null;
    while (next) {
      const { body }: { body: { data: RecordObject[]; links: Record<string, string | null> } } =
        await ann.get<RecordObject[]>(next);
      seen.push(...body.data.map((file) => file.attributes.path as string));
      last = body.links.prev ?? last;
      next = body.links.next ?? null;
    }
    expect(seen).toEqual(['a.md', 'b.md', 'c.md', 'd.md', 'e.md']);
    const { body } = await ann.get<RecordObject[]>(last!);
    expect(body.data.map((file) => file.attributes.path)).toEqual(['c.md', 'd.md']);
  });

  test('pages by offset, with a count', async () => {
    const { body } = await ann.get<RecordObject[]>(
      '/files?sort=-path&page[limit]=2&page[offset]=2&page[count]=true',
    );
    expect(body.data.map((file) => file.attributes.path)).toEqual(['c.md', 'b.md']);
    expect(body.meta).toEqual({ page: { total: 5 } });
    expect(body.links.last).toContain('offset%5D=4');
  });

  test.each([
    ['filter[path]=a.md', ['a.md']],
    ['filter[path][in]=a.md,c.md', ['a.md', 'c.md']],
    ['filter[path][gt]=c.md', ['d.md', 'e.md']],
    ['filter[path][starts_with]=b', ['b.md']],
    ['filter[not][path][in]=a.md,b.md,c.md', ['d.md', 'e.md']],
    ['filter[or][0][path]=a.md&filter[or][1][path]=e.md', ['a.md', 'e.md']],
    ['filter[workspace][name]=Docs&filter[path][lte]=b.md', ['a.md', 'b.md']],
    ['filter[workspace][name]=Other', []],
    ['filter[storageBackend][is_nil]=true', []],
    ['filter%5Bpath%5D=a.md', ['a.md']],
  ])('%s', async (query, paths) => {
    const { status, body } = await ann.get<RecordObject[]>(`/files?sort=path&${query}`);
    expect(status).toBe(200);
    expect(body.data.map((file) => file.attributes.path)).toEqual(paths);
  });

  test('a compound document has full linkage and no duplicates', async () => {
    const { body } = await ann.get<RecordObject[]>('/files?include=workspace.team,versions');
    const keys = body.included!.map((record) => `${record.type} ${record.id}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((key) => key.startsWith('file-versions'))).toHaveLength(5);
    const linked = new Set(
      [...body.data, ...body.included!].flatMap((record) =>
        Object.values(record.relationships)
          .flatMap(({ data }) => (Array.isArray(data) ? data : data ? [data] : []))
          .map((it) => `${it.type} ${it.id}`),
      ),
    );
    for (const key of keys) expect(linked).toContain(key);
  });

  test('sparse fieldsets leave out the rest', async () => {
    const { body } = await ann.get(`/files/${files[0]!.id}?fields[files]=path,workspace`);
    expect(body.data.attributes).toEqual({ path: 'a.md' });
    expect(Object.keys(body.data.relationships)).toEqual(['workspace']);
    const none = await ann.get(`/files/${files[0]!.id}?fields[files]=`);
    expect(none.body.data).not.toHaveProperty('attributes');
  });

  test.each([
    ['filter[nope]=1', 'filter[nope]'],
    ['filter[path][like]=1', 'filter[path][like]'],
    ['filter[size]=many', 'filter[size]'],
    ['sort=metadata', 'sort'],
    ['sort=__proto__', 'sort'],
    ['include=nope', 'include'],
    ['include=workspace.team.users.teams.users', 'include'],
    ['fields[files]=nope', 'fields[files]'],
    ['fields[nope]=a', 'fields[nope]'],
    ['page[size]=0', 'page[size]'],
    ['page[limit]=101', 'page[limit]'],
    ['page[after]=xx', 'page[after]'],
    ['page[nope]=1', 'page[nope]'],
    ['include[x]=1', 'include'],
    ['sort[x]=1', 'sort'],
    ['page[size][x]=1', 'page[size]'],
    ['page[limit][x]=1', 'page[limit]'],
    ['page[after][x]=1', 'page[after]'],
    ['fields[files][x]=1', 'fields[files]'],
    ['filter[path][in][x]=1', 'filter[path][in]'],
    ['nope=1', 'nope'],
  ])('%s → 400 that names the parameter', async (query, parameter) => {
    const { status, body } = await ann.get(`/files?${query}`);
    expect(status).toBe(400);
    expect(body.errors[0]!.source).toEqual({ parameter });
  });

  test('an unchanged record is not sent again', async () => {
    const first = await ann.get(`/files/${files[0]!.id}`);
    const again = await ann.get(`/files/${files[0]!.id}`, {
      'if-none-match': first.headers.get('etag')!,
    });
    expect(again.status).toBe(304);
  });

  test('every declared relationship can be followed', async () => {
    for (const [name, relationship] of Object.entries(files[0]!.relationships)) {
      expect((await ann.get(`/files/${files[0]!.id}/${name}`)).status).toBe(200);
      const { status, body } = await ann.get(`/files/${files[0]!.id}/relationships/${name}`);
      expect(status).toBe(200);
      if (relationship.data !== undefined) expect(body.data).toEqual(relationship.data);
    }
  });
});

describe('writes', () => {
  test('create answers 201 with the record and where it lies', async () => {
    const answer = await ann.post('/workspaces', 'workspaces', { name: 'Höhle & Co.' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/v1/workspaces/${answer.body.data.id}`);
    expect(answer.body.data.attributes).toMatchObject({ name: 'Höhle & Co.', slug: 'hohle-co' });
  });

  test('update changes what is named and refuses a stale version', async () => {
    const record = await ann.workspace('Before');
    const { headers } = await ann.get(`/workspaces/${record.id}`);
    const etag = headers.get('etag')!;
    const changed = await ann.patch(
      `/workspaces/${record.id}`,
      record,
      { name: 'After' },
      { 'if-match': etag },
    );
    expect(changed.status).toBe(200);
    expect(changed.body.data.attributes).toMatchObject({ name: 'After', slug: 'before' });
    const stale = await ann.patch(
      `/workspaces/${record.id}`,
      record,
      { name: 'Late' },
      { 'if-match': etag },
    );
    expect(stale.status).toBe(412);
    expect((await ann.get(`/workspaces/${record.id}`)).body.data.attributes.name).toBe('After');
  });

  test('archive and its opposite', async () => {
    const record = await ann.workspace();
    expect(
      (await ann.post(`/workspaces/${record.id}/archive`, 'workspaces')).body.data.attributes
        .archivedAt,
    ).not.toBeNull();
    const back = await ann.request(`/workspaces/${record.id}/archive`, { method: 'DELETE' });
    expect(back.body.data.attributes.archivedAt).toBeNull();
  });

  test.each([
    ['no type', { data: { attributes: { name: 'x' } } }, 400, '/data'],
    ['wrong type', { data: { type: 'teams', attributes: { name: 'x' } } }, 409, '/data/type'],
    [
      'an id of its own',
      {
        data: {
          type: 'workspaces',
          id: '01890a5d-ac96-774b-bcce-b302099a8057',
          attributes: { name: 'x' },
        },
      },
      403,
      '/data/id',
    ],
    [
      'unknown attribute',
      { data: { type: 'workspaces', attributes: { name: 'x', nope: 1 } } },
      422,
      '/data/attributes/nope',
    ],
    [
      'read-only attribute',
      { data: { type: 'workspaces', attributes: { name: 'x', archivedAt: null } } },
      422,
      '/data/attributes/archivedAt',
    ],
    [
      'internal column',
      { data: { type: 'workspaces', attributes: { name: 'x', headCommit: 'x' } } },
      422,
      '/data/attributes/headCommit',
    ],
    [
      'unknown relationship',
      {
        data: {
          type: 'workspaces',
          attributes: { name: 'x' },
          relationships: { team: { data: null } },
        },
      },
      422,
      '/data/relationships/team',
    ],
    ['missing attribute', { data: { type: 'workspaces' } }, 422, '/data'],
    [
      'wrong kind',
      { data: { type: 'workspaces', attributes: { name: 7 } } },
      422,
      '/data/attributes/name',
    ],
    [
      'NUL',
      { data: { type: 'workspaces', attributes: { name: 'a\0b' } } },
      422,
      '/data/attributes/name',
    ],
    [
      '__proto__',
      JSON.parse('{"data":{"type":"workspaces","attributes":{"name":"x","__proto__":{"x":1}}}}'),
      422,
      '/data/attributes/__proto__',
    ],
    ['no data', {}, 400, ''],
    ['an array', { data: [] }, 400, '/data'],
  ])('%s', async (_name, body, status, pointer) => {
    const before = await server.query('select count(*) from workspaces');
    const answer = await ann.request('/workspaces', { method: 'POST', body });
    expect(answer.status).toBe(status);
    expect(answer.body.errors[0]!.source).toEqual({ pointer });
    expect(await server.query('select count(*) from workspaces')).toEqual(before);
  });

  test('malformed JSON is 400 and the server goes on', async () => {
    const answer = await ann.request('/workspaces', {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.api+json' },
      raw: '{"data":',
    });
    expect(answer.status).toBe(400);
    expect((await ann.get('/workspaces')).status).toBe(200);
  });

  test('a body over the limit is 413', async () => {
    const raw = `{"data":{"type":"workspaces","attributes":{"name":"${'x'.repeat(17 * 2 ** 20)}"}}}`;
    const answer = await ann.request('/workspaces', {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.api+json' },
      raw,
    });
    expect(answer.status).toBe(413);
  });
});

test.each([
  'not-a-uuid',
  '01890a5d-ac96-774b-bcce-b302099a8057',
  "'; drop table files; --",
  '%00',
  '..%2f..',
])('id %s → 404', async (id) => {
  expect((await ann.get(`/files/${id}`)).status).toBe(404);
});

test.each([
  ['no credential', undefined],
  ['a wrong token', 'Bearer nonsense'],
  ['another scheme', 'Basic YTpi'],
  [
    'alg none',
    `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"x"}').toString('base64url')}.`,
  ],
  ['a mistyped key', `Bearer kyozo_${'a'.repeat(43)}00000000`],
])('%s → 401', async (_name, authorization) => {
  const answer = await new Person(server.url).get('/files', authorization ? { authorization } : {});
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toContain('Bearer');
});

test('a request acts in the team it names, if the person is in it', async () => {
  const team = await ann.post('/teams', 'teams', { name: 'Second' });
  expect(team.status).toBe(201);
  const inSecond = await ann.get<RecordObject[]>('/workspaces', {
    'kyozo-team': team.body.data.id,
  });
  expect(inSecond.body.data).toEqual([]);
  const other = await register(server.url);
  const refused = await other.get('/workspaces', { 'kyozo-team': team.body.data.id });
  expect([refused.status, refused.body.errors[0]!.code]).toEqual([403, 'not_a_member']);
  const me = await ann.get('/users/me?include=teams');
  expect(me.body.included!.map((record) => record.attributes.name)).toContain('Second');
});
