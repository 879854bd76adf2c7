import { createHash } from 'node:crypto';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let nobody: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  nobody = new Person(server.url);
  workspace = await ann.workspace('Docs');
});
afterAll(() => server.stop());

const strict = 'application/graphql-response+json';
type Body = {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions: { code: string } & Record<string, unknown> }[];
};
type Sent = {
  person?: Person;
  body?: unknown;
  raw?: string | Uint8Array;
  accept?: string;
  type?: string;
};

async function post({ person = ann, body, raw, accept, type = 'application/json' }: Sent) {
  const headers: Record<string, string> = { 'content-type': type, accept: accept ?? strict };
  const response = await person.fetch('/api/graphql', {
    method: 'POST',
    headers,
    raw: raw ?? JSON.stringify(body),
  });
  return seen(response);
}

async function get(parameters: Record<string, string>, accept = strict, person = ann) {
  const search = new URLSearchParams(parameters);
  return seen(await person.fetch(`/api/graphql?${search}`, { headers: { accept } }));
}

async function seen(response: Response) {
  const text = await response.text();
  const body = (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : {}) as Body;
  return { status: response.status, headers: response.headers, body, text };
}

const codesOf = (body: Body) => body.errors?.map(({ extensions }) => extensions.code);
const ask = { query: '{ me { id } }' };

describe("the specification's own audits", () => {
  test.each(
    serverAudits({ url: 'http://replaced.test' }).map(({ id, name }) => [id, name] as const),
  )('%s %s', async (id) => {
    const audits = serverAudits({ url: `${server.url}/api/graphql`, fetchFn: fetch });
    const result = await audits.find((audit) => audit.id === id)!.fn();
    expect([result.status, 'reason' in result ? result.reason : '']).toEqual(['ok', '']);
  });
});

describe('what it answers in', () => {
  test.each<[string | undefined, string]>([
    ['*/*', 'application/json'],
    ['', 'application/json'],
    ['application/*', 'application/json'],
    ['application/json', 'application/json'],
    [strict, strict],
    [`${strict}, application/json`, strict],
    [`application/json;q=0.5, ${strict}`, strict],
    [`${strict};q=0.1, application/json;q=0.9`, 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['text/html, application/json;q=0.9', 'application/json'],
    [`text/html, ${strict};q=0`, ''],
    ['text/html', ''],
    ['application/xml', ''],
    ['application/json; charset=utf-16', ''],
  ])('Accept %j is answered in %j', async (accept, form) => {
    const { status, headers, body } = await post({ body: ask, accept });
    expect(status).toBe(form ? 200 : 406);
    if (form) expect(headers.get('content-type')).toBe(`${form}; charset=utf-8`);
    else expect(codesOf(body)).toEqual(['not_acceptable']);
  });

  test('nothing that depends on who asks is kept by a cache', async () => {
    const { headers } = await post({ body: ask });
    expect(headers.get('vary')).toBe('Accept, Authorization, Kyozo-Team');
  });
});

describe('what it takes', () => {
  test.each(['text/plain', 'application/graphql', 'application/x-www-form-urlencoded'])(
    'a body of type %s is 415',
    async (type) => {
      const { status, body } = await post({ raw: '{ me { id } }', type });
      expect([status, codesOf(body)]).toEqual([415, ['unsupported_media_type']]);
    },
  );

  test('a body in another encoding than UTF-8 is 415, in UTF-8 it is taken', async () => {
    expect((await post({ body: ask, type: 'application/json; charset=utf-16' })).status).toBe(415);
    expect((await post({ body: ask, type: 'application/json; charset="UTF-8"' })).status).toBe(200);
  });

  test.each<[string, unknown]>([
    ['no query', {}],
    ['a query that is a number', { query: 1 }],
    ['a query that is null', { query: null }],
    ['variables that are an array', { ...ask, variables: [] }],
    ['variables that are a text', { ...ask, variables: '{}' }],
    ['an operationName that is a number', { ...ask, operationName: 1 }],
    ['an operationName that is an object', { ...ask, operationName: {} }],
    ['extensions that are a text', { ...ask, extensions: 'x' }],
    ['extensions that are an array', { ...ask, extensions: [] }],
    ['a body that is a text', 'x'],
    ['a body that is null', null],
  ])('%s is 400 in both forms, and has no data', async (_name, body) => {
    for (const accept of [strict, 'application/json']) {
      const answer = await post({ body, accept });
      expect([answer.status, codesOf(answer.body)]).toEqual([400, ['malformed']]);
      expect(answer.body).not.toHaveProperty('data');
    }
  });

  test('null stands for absent, and what is not of the protocol is passed over', async () => {
    const nulls = { operationName: null, variables: null, extensions: null, more: 1 };
    const { status, body } = await post({ body: { ...ask, ...nulls } });
    expect([status, body.data]).toEqual([200, { me: { id: ann.id } }]);
  });

  test('a body over the limit is 413', async () => {
    const raw = JSON.stringify({ query: `{ me { id } } #${'x'.repeat(server.config.bodyLimit)}` });
    expect((await post({ raw })).status).toBe(413);
  });
});

describe('statuses', () => {
  test.each<[string, object]>([
    ['a document that does not parse', { query: '{' }],
    ['a document that is not valid', { query: '{ me { nothing } }' }],
    [
      'a variable that cannot be coerced',
      { query: 'query ($id: ID!) { node(id: $id) { id } }', variables: { id: {} } },
    ],
    ['a variable that is missing', { query: 'query ($id: ID!) { node(id: $id) { id } }' }],
    ['an operation that is not there', { ...ask, operationName: 'Other' }],
    ['too many aliases', { query: aliases(101) }],
  ])('%s: 400, but 200 as application/json; no data either way', async (_name, body) => {
    const [tight, loose] = [await post({ body }), await post({ body, accept: 'application/json' })];
    expect([tight.status, loose.status]).toEqual([400, 200]);
    for (const answer of [tight, loose]) {
      expect(answer.body.errors).toBeInstanceOf(Array);
      expect(answer.body).not.toHaveProperty('data');
    }
  });

  test('what ran is 200 also where a field failed', async () => {
    const { status, body } = await post({
      body: { query: '{ me { id } files(first: 101) { totalCount } }' },
    });
    expect([status, codesOf(body)]).toEqual([200, ['malformed']]);
    expect(body.data).toBeNull();
  });

  test('a credential that is wrong or has ended is 401 for the whole request', async () => {
    const wrong = new Person(server.url, 'wrong');
    for (const accept of [strict, 'application/json']) {
      const { status, headers, body } = await post({ person: wrong, body: ask, accept });
      expect([status, codesOf(body)]).toEqual([401, ['unauthenticated']]);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="Kyozo"');
      expect(body).not.toHaveProperty('data');
    }
  });

  test('nobody may ask, and is told at the field; a key without the scope likewise', async () => {
    const stranger = await post({ person: nobody, body: ask });
    expect([stranger.status, stranger.body.data]).toEqual([200, { me: null }]);
    expect(codesOf(stranger.body)).toEqual(['unauthenticated']);
    const key = await ann.key('workspaces:read');
    const { status, body } = await post({
      person: key,
      body: { query: '{ workspaces { totalCount } file(id: "x") { id } files { totalCount } }' },
    });
    expect([status, codesOf(body)]).toEqual([200, ['forbidden']]);
  });

  test('C2 a team that is not theirs is 403 not_a_member', async () => {
    const bob = await register(server.url, 'Bob');
    const team = (await bob.get<RecordObject[]>('/teams')).body.data[0]!.id;
    const response = await ann.fetch('/api/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'kyozo-team': team },
      raw: JSON.stringify(ask),
    });
    expect([response.status, codesOf((await response.json()) as never)]).toEqual([
      403,
      ['not_a_member'],
    ]);
  });
});

describe('GET', () => {
  test('runs queries, with variables and extensions as JSON', async () => {
    const { status, body } = await get({
      query: 'query Q($id: ID!) { node(id: $id) { id } } query R { me { id } }',
      operationName: 'Q',
      variables: JSON.stringify({ id: workspace.id }),
      extensions: '',
    });
    expect([status, body.data]).toEqual([200, { node: { id: workspace.id } }]);
  });

  test('never changes anything: a mutation is 405 that names POST', async () => {
    const query = `mutation { createWorkspace(input: { name: "By link" }) { result { id } } }`;
    for (const accept of [strict, 'application/json', 'text/event-stream']) {
      const { status, headers, body } = await get({ query }, accept);
      expect([status, headers.get('allow')]).toEqual([405, 'POST']);
      expect(codesOf(body)).toEqual(['method_not_allowed']);
    }
    const { body } = await ann.get<RecordObject[]>('/workspaces?filter[name]=By%20link');
    expect(body.data).toEqual([]);
  });

  test.each([
    [{ query: '{ me { id } }', variables: '{' }],
    [{ query: '{ me { id } }', variables: '[]' }],
    [{ query: '{ me { id } }', extensions: '1' }],
    [{}],
  ] as Record<string, string>[][])('%j is 400', async (parameters) => {
    expect((await get(parameters!)).status).toBe(400);
  });

  test('other methods are 404, and no page is served outside of development', async () => {
    expect((await ann.fetch('/api/graphql', { method: 'PUT', raw: '{}' })).status).toBe(404);
    expect((await get({}, 'text/html')).status).toBe(406);
    expect((await ann.fetch('/api/graphql/explorer/react.js')).status).toBe(404);
  });
});

describe('batches', () => {
  const batch = (count: number) => Array.from({ length: count }, () => ask);

  test('up to 20 run in their order, each with its own answer', async () => {
    const make = (name: string) => ({
      query: `mutation ($n: String!) { createWorkspace(input: { name: $n }) { result { id name } } }`,
      variables: { n: name },
    });
    const list = { query: '{ workspaces(filter: { name: { eq: "B2" } }) { totalCount } }' };
    const { status, body } = await post({
      body: [list, make('B1'), { query: '{' }, make('B2'), list],
    });
    const [before, first, broken, , after] = body as unknown as Body[];
    expect(status).toBe(200);
    expect(before!.data).toEqual({ workspaces: { totalCount: 0 } });
    expect(first!.data!.createWorkspace).toMatchObject({ result: { name: 'B1' } });
    expect(broken!.errors).toHaveLength(1);
    expect(after!.data).toEqual({ workspaces: { totalCount: 1 } });
    expect((await post({ body: batch(20) })).body).toHaveLength(20);
  });

  test('21 are 413 with the numbers, none is 400, and one bad form refuses all', async () => {
    const many = await post({ body: batch(21) });
    expect(many.status).toBe(413);
    expect(many.body.errors![0]!.extensions).toEqual({
      ...{ code: 'too_large', limit: 'batch', most: 20, asked: 21 },
    });
    expect((await post({ body: [] })).status).toBe(400);
    expect((await post({ body: [ask, 7] })).status).toBe(400);
  });

  test('a batch has one allowance: its aliases are counted together', async () => {
    const { body } = await post({ body: [{ query: aliases(60) }, { query: aliases(60) }] });
    const [first, second] = body as unknown as Body[];
    expect(first!.errors).toBeUndefined();
    expect(second!.errors![0]!.extensions).toMatchObject({
      limit: 'aliases',
      most: 100,
      asked: 120,
    });
  });
});

describe('persisted queries', () => {
  const query = `{ me { id name } } # ${Math.random()}`;
  const sha256Hash = createHash('sha256').update(query).digest('hex');
  const extensions = { persistedQuery: { version: 1, sha256Hash } };

  test('a hash is unknown until its document has come once, then it is enough, also by GET', async () => {
    const unknown = await post({ body: { extensions }, accept: 'application/json' });
    expect([unknown.status, unknown.body.errors![0]!.message]).toEqual([
      200,
      'PersistedQueryNotFound',
    ]);
    expect(codesOf(unknown.body)).toEqual(['PERSISTED_QUERY_NOT_FOUND']);
    expect((await post({ body: { query, extensions } })).status).toBe(200);
    for (const answer of [
      await post({ body: { extensions } }),
      await get({ extensions: JSON.stringify(extensions) }),
    ]) {
      expect(answer.body.data).toEqual({ me: { id: ann.id, name: 'Ann' } });
    }
  });

  test('a hash that is not the document’s, or no hash at all, is refused and nothing is kept', async () => {
    const other = '{ me { email } }';
    expect((await post({ body: { query: other, extensions } })).status).toBe(400);
    expect((await post({ body: { extensions } })).body.data).toMatchObject({ me: { name: 'Ann' } });
    for (const persistedQuery of [{ version: 2, sha256Hash }, { version: 1, sha256Hash: 'x' }, 7]) {
      expect((await post({ body: { extensions: { persistedQuery } } })).status).toBe(400);
    }
  });

  test('a document that is not valid is not kept', async () => {
    const bad = '{ me { nothing } }';
    const hash = createHash('sha256').update(bad).digest('hex');
    const persisted = { persistedQuery: { version: 1, sha256Hash: hash } };
    await post({ body: { query: bad, extensions: persisted } });
    expect(codesOf((await post({ body: { extensions: persisted } })).body)).toEqual([
      'PERSISTED_QUERY_NOT_FOUND',
    ]);
  });
});

describe('introspection', () => {
  test('answers the schema that the repository keeps, to anybody', async () => {
    const { body } = await post({ person: nobody, body: { query: getIntrospectionQuery() } });
    expect(printSchema(buildClientSchema(body.data as never))).toContain('type Subscription {');
  });

  test('strangers get no hints of names, members do', async () => {
    const query = '{ me { emai } fles { totalCount } }';
    const hints = async (person: Person) =>
      (await post({ person, body: { query } })).body.errors!.filter(({ message }) =>
        message.includes('Did you mean'),
      ).length;
    expect([await hints(nobody), await hints(ann)]).toEqual([0, 2]);
  });
});

test('a page to try it is there in development, and needs nothing from elsewhere', async () => {
  const development = await startServer({ development: true });
  try {
    const person = new Person(development.url);
    const page = await person.fetch('/api/graphql', { headers: { accept: 'text/html,*/*;q=0.8' } });
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      'text/html; charset=utf-8',
    ]);
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toHaveLength(5);
    for (const link of links) {
      const asset = await person.fetch(link);
      expect([link, asset.status]).toEqual([link, 200]);
      expect((await asset.text()).length).toBeGreaterThan(100);
    }
    const answer = await person.graphql('{ __typename }');
    expect(answer.data).toEqual({ __typename: 'Query' });
  } finally {
    await development.stop();
  }
});

function aliases(count: number): string {
  return `{ ${Array.from({ length: count }, (_, at) => `a${at}: __typename`).join(' ')} }`;
}
