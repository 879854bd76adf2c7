import type { Attribute, Resource } from '@kyozo/resource';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { actionsOf, placeOf } from '../../src/api/jsonapi/routes.ts';
import { resources } from '../../src/resources.ts';
import { type Answer, type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { naughty } from './naughty.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let file: RecordObject;

beforeAll(async () => {
  server = await startServer({ signInsPerMinute: 1_000_000 });
  ann = await register(server.url);
  workspace = await ann.workspace();
  file = await ann.file(workspace, 'a.md', '# A\n\n```bash\necho a\n```\n');
});
afterAll(() => server.stop());

const mediaType = 'application/vnd.api+json';
const relationships = () => ({ workspace: { data: { type: 'workspaces', id: workspace.id } } });
const everything = resources as readonly Resource[];

/** Runs work over items, eight at a time. */
async function each<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** An answer that blames the request, with error objects, and never the server. */
function expectBlame(answer: Answer, about: unknown): void {
  expect([about, answer.status >= 400 && answer.status < 500]).toEqual([about, true]);
  for (const error of answer.body.errors)
    expect([about, typeof error.code, typeof error.detail]).toEqual([about, 'string', 'string']);
}

describe('naughty texts in every attribute of every create', () => {
  const good: Record<string, Record<string, unknown>> = {
    'users.register': { name: 'Ann', email: 'x', password: 'correct horse battery' },
    'users.sign-in': { email: 'nobody@example.com', password: 'x' },
    'users.refresh': { refreshToken: 'x' },
    'users.confirm': { token: 'x' },
    'users.send-confirmation': { email: 'x' },
    'users.forgot-password': { email: 'x' },
    'users.reset-password': { token: 'x', password: 'correct horse battery' },
    'users.magic-link': { email: 'x' },
    'users.magic-link-sign-in': { token: 'x' },
    'users.oauth-sign-in': { token: 'x' },
    'users.passkey-sign-in': { response: {} },
    'users.change-email': { email: 'x', currentPassword: 'x' },
    'users.two-factor-enable': { code: 'x' },
    'teams.create': { name: 'Team' },
    'api-keys.create': { name: 'Key', scopes: ['read'] },
    'invitations.preview-invitation': { token: 'x' },
    'workspaces.create': { name: 'Workspace' },
    'files.create': {},
  };
  const places = everything.flatMap((resource) =>
    actionsOf(resource)
      .filter((name) => good[`${resource.type}.${name}`])
      .flatMap((name) => {
        const action = resource.actions[name]!;
        const inputs: [string, Attribute][] = [
          ...(action.accept ?? []).map((it): [string, Attribute] => [it, resource.attributes[it]!]),
          ...Object.entries(action.arguments ?? {}),
        ];
        // A hundred passwords would be hashed for every text; the others say what this one would.
        return inputs
          .filter(([input]) => `${resource.type}.${name}.${input}` !== 'users.register.name')
          .map(
            ([input, attribute]) =>
              [`${resource.type}.${name} ${input}`, resource, name, input, attribute] as const,
          );
      }),
  );
  let count = 0;

  test('the big list and about two hundred of ours are there, and they go everywhere', () => {
    expect(naughty.length).toBeGreaterThanOrEqual(600);
    expect(new Set(naughty).size).toBe(naughty.length);
    expect(places.length).toBeGreaterThanOrEqual(18);
  });

  test.each(places)('%s', async (_at, resource, name, input, attribute) => {
    const { url } = placeOf(resource, name);
    // Where a password is hashed each time, every tenth text says what the others would; names and
    // addresses take all of them elsewhere.
    const hashes = /password$/i.test(input) || resource.actions[name]!.arguments?.password;
    const texts = hashes ? naughty.filter((_, at) => at % 10 === 0) : naughty;
    await each(texts, async (text) => {
      const value =
        attribute.kind === 'texts' ? [text] : attribute.kind === 'json' ? { [text]: text } : text;
      count += 1;
      const base = resource.type === 'files' ? { path: `n/${count}.txt` } : {};
      const attributes = { ...base, ...good[`${resource.type}.${name}`], [input]: value };
      const answer = await ann.post(
        url,
        resource.type,
        attributes,
        resource.type === 'files' ? relationships() : undefined,
      );
      if (answer.status >= 300) return expectBlame(answer, [input, text]);
      if (answer.status === 202) return expect(answer.body).toBeUndefined();
      // What is accepted is kept as it was given.
      if (
        Object.hasOwn(resource.attributes, input) &&
        attribute.kind === 'text' &&
        input !== 'contentType'
      )
        expect(answer.body.data.attributes[input]).toBe(text);
      if (input === 'content') {
        const back = await ann.fetch(`/files/${answer.body.data.id}/content`);
        const encoded = Buffer.from(await back.arrayBuffer()).toString();
        expect(encoded).toBe(text.toWellFormed());
      }
    });
  });

  test.each(['2026-02-30T00:00:00Z', '0000-01-01', '2026-01-01T00:00:00+23:59'])(
    'a time that never was: %s',
    async (time) => {
      const { status } = await ann.get(`/files?filter[insertedAt][gt]=${encodeURIComponent(time)}`);
      expect(status).toBe(400);
    },
  );

  test('and in filters, sorts, ids and headers', async () => {
    await each(naughty, async (text) => {
      const part = encodeURIComponent(text.toWellFormed());
      for (const path of [
        `/files?filter[path]=${part}`,
        `/files?filter[path][contains]=${part}`,
        `/files?filter[${part}]=x`,
        `/files?filter[insertedAt][gt]=${part}`,
        `/files?sort=${part}`,
        `/files?include=${part}`,
        `/files?fields[files]=${part}`,
        `/files?page[after]=${part}`,
        `/files?page[size]=${part}`,
        `/files?${part}=${part}`,
        `/files/${part}`,
        `/files/${file.id}/${part}`,
        `/events/stream?workspace=${part === '' ? 'x' : part}`,
      ]) {
        const response = await ann.fetch(path);
        await (response.body?.cancel() ?? undefined);
        expect([path, response.status < 500]).toEqual([path, true]);
      }
      const header = [...text].filter((it) => it >= ' ' && it <= '~').join('');
      for (const name of [
        'if-match',
        'if-none-match',
        'range',
        'kyozo-team',
        'last-event-id',
        'accept',
      ]) {
        const { status } = await ann.fetch(`/files/${file.id}/content`, {
          headers: { [name]: header },
        });
        expect([name, header, status < 500]).toEqual([name, header, true]);
      }
    });
  });
});

describe('bodies', () => {
  const raw = async (body: string | Uint8Array, type = mediaType, path = '/files') =>
    ann.request(path, { method: 'POST', headers: { 'content-type': type }, raw: body });
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const attributes = (text: string) => `{"data":{"type":"files","attributes":${text}}}`;

  test.each<[string, string | Uint8Array]>([
    ['deep objects', nested(100_000)],
    ['deep arrays', '['.repeat(200_000) + ']'.repeat(200_000)],
    ['deep in an attribute', attributes(`{"metadata":${nested(5_000)}}`)],
    ['a huge array', `{"data":[${'0,'.repeat(500_000)}0]}`],
    ['a huge array in an attribute', attributes(`{"path":[${'0,'.repeat(500_000)}0]}`)],
    [
      '10,000 attributes',
      attributes(`{${Array.from({ length: 10_000 }, (_, at) => `"a${at}":1`).join()}}`),
    ],
    ['a long key', attributes(`{"${'k'.repeat(1_000_000)}":1}`)],
    ['__proto__ at the top', '{"__proto__":{"data":{}},"data":{"type":"files"}}'],
    ['__proto__ in data', '{"data":{"type":"files","__proto__":{"id":"x"}}}'],
    [
      '__proto__ as attributes',
      '{"data":{"type":"files","attributes":{"__proto__":{"path":"x"}}}}',
    ],
    ['constructor', attributes('{"constructor":{"prototype":{"x":1}}}')],
    ['a duplicate key', '{"data":{"type":"files","type":"teams","attributes":{}}}'],
    ['no UTF-8', Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['a byte order mark', '\ufeff{"data":{"type":"files"}}'],
    ['half a text', '{"data":"'],
    ['a number beyond all', attributes('{"path":1e999999}')],
    ['only blanks', '   '],
    ['NUL', '\0'],
  ])('%s is the request’s fault', async (_name, body) => {
    expectBlame(await raw(body), _name);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test.each([
    '',
    'text/html',
    'application/json',
    'multipart/form-data; boundary=x',
    'x',
    `${mediaType};`,
    `${mediaType}; charset=utf-16`,
    'application/vnd.api+json, text/html',
    'é',
  ])('content type %j is refused or understood, never fatal', async (type) => {
    if (type === 'é') return expect(() => new Headers({ 'content-type': '😀' })).toThrow();
    const answer = await raw('{"data":{"type":"files"}}', type);
    expect([400, 415, 422]).toContain(answer.status);
  });

  test.each(['get', 'delete', 'patch', 'put', 'options', 'head', 'report'])(
    '%s where it has no place',
    async (method) => {
      const { status } = await ann.fetch('/files/content', { method: method.toUpperCase() });
      expect(status).toBeLessThan(500);
    },
  );
});

describe('GraphQL', () => {
  const send = (body: unknown, type = 'application/json') =>
    ann.fetch('/api/graphql', {
      method: 'POST',
      headers: { 'content-type': type, accept: 'application/graphql-response+json' },
      raw: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const aliases = (count: number) =>
    `{ ${Array.from({ length: count }, (_, at) => `a${at}: me { id }`).join(' ')} }`;
  const deep = (levels: number) =>
    `{ teams { edges { node { ${'workspaces { edges { node { team { '.repeat(levels)}id${' } } } }'.repeat(levels)} } } } }`;

  // What never ran is 400; what ran and failed in a field is 200 with errors.
  test.each<[string, unknown, 200 | 400 | 'field']>([
    ['100 aliases', { query: aliases(100) }, 200],
    ['101 aliases', { query: aliases(101) }, 400],
    [
      '101 aliases in a fragment',
      { query: `query { ...F } fragment F on Query ${aliases(101)}` },
      400,
    ],
    ['too deep', { query: deep(4) }, 400],
    ['half a document', { query: '{ me {' }, 400],
    ['no document', {}, 400],
    ['an empty document', { query: '' }, 400],
    ['a document that is a number', { query: 7 }, 400],
    ['a document that is parsed already', { query: '{"kind":"Document","definitions":[{}]}' }, 400],
    ['no object', '[]', 400],
    ['no JSON', '{', 400],
    ['unknown field', { query: '{ me { passwordHash } }' }, 400],
    [
      'unknown operation',
      { query: 'query A { me { id } } query B { me { id } }', operationName: 'C' },
      400,
    ],
    ['two operations and no name', { query: 'query A { me { id } } query B { me { id } }' }, 400],
    ['a fragment in itself', { query: '{ ...A } fragment A on Query { ...A }' }, 400],
    ['a missing variable', { query: 'query ($id: ID!) { file(id: $id) { id } }' }, 400],
    [
      'a wrong variable',
      { query: 'query ($id: ID!) { file(id: $id) { id } }', variables: { id: {} } },
      400,
    ],
    ['variables that are an array', { query: '{ me { id } }', variables: [1] }, 400],
    ['variables that are a text', { query: '{ me { id } }', variables: 'x' }, 400],
    [
      'a filter of the wrong kind',
      { query: '{ files(filter: { size: { gt: "x" } }) { totalCount } }' },
      400,
    ],
    ['first of -1', { query: '{ files(first: -1) { totalCount } }' }, 'field'],
    ['first of 101', { query: '{ files(first: 101) { totalCount } }' }, 'field'],
    ['first beyond an integer', { query: '{ files(first: 99999999999) { totalCount } }' }, 400],
    ['first and last', { query: '{ files(first: 1, last: 1) { totalCount } }' }, 'field'],
    ['a cursor of nothing', { query: '{ files(after: "x") { totalCount } }' }, 'field'],
    ['an order by nothing', { query: '{ files(sort: ["__proto__"]) { totalCount } }' }, 'field'],
    ['an id that is none', { query: '{ node(id: "x") { id } }' }, 200],
    [
      'a mutation with an id that is none',
      { query: 'mutation { deleteFile(id: "x") { errors { code } } }' },
      200,
    ],
    [
      'a filter variable twice',
      {
        query: 'query ($f: FileFilter) { files(filter: $f) { totalCount } }',
        variables: { f: { path: { eq: 'x' } } },
      },
      200,
    ],
    [
      'a deep filter',
      {
        query: 'query ($f: FileFilter) { files(filter: $f) { totalCount } }',
        variables: { f: nestedFilter(40) },
      },
      200,
    ],
    [
      'a deeper filter',
      {
        query: 'query ($f: FileFilter) { files(filter: $f) { totalCount } }',
        variables: { f: nestedFilter(200) },
      },
      400,
    ],
    [
      'NUL in a filter',
      {
        query: 'query ($f: FileFilter) { files(filter: $f) { totalCount } }',
        variables: { f: { path: { eq: '\0' } } },
      },
      'field',
    ],
  ])('%s, every time it comes', async (_name, body, status) => {
    // The third time a document has been compiled.
    for (let time = 0; time < 3; time++) {
      const response = await send(body);
      const answer = (await response.json()) as { errors?: { message: string }[] };
      expect([time, response.status, answer.errors]).toEqual([
        time,
        status === 'field' ? 200 : status,
        status === 200 ? undefined : expect.any(Array),
      ]);
    }
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', mediaType, ''])(
    'content type %j is refused',
    async (type) => {
      expect((await send({ query: '{ me { id } }' }, type)).status).toBeLessThan(500);
    },
  );

  test('naughty texts in variables', async () => {
    await each(naughty, async (text) => {
      for (const query of [
        'query ($x: String) { files(filter: { path: { contains: $x } }) { totalCount } }',
        'query ($x: ID!) { node(id: $x) { id } }',
        'query ($x: String) { files(after: $x) { totalCount } }',
        'mutation ($x: ID!) { updateFile(id: $x, input: { path: "x" }) { errors { code } } }',
      ]) {
        const { status } = await send({ query, variables: { x: text } });
        expect([query, text, [200, 400].includes(status)]).toEqual([query, text, true]);
      }
    });
  });
});

function nestedFilter(depth: number): object {
  return depth === 0 ? { path: { eq: 'x' } } : { not: nestedFilter(depth - 1) };
}

type Schema = {
  const?: unknown;
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: unknown[];
};
type Operation = {
  requestBody?: { content: Record<string, { schema: Schema }> };
  parameters?: { name: string; in: string }[];
};
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

test('500 seeded requests made from the OpenAPI document never are the server’s fault', async () => {
  const document = (await (await ann.fetch('/openapi.json')).json()) as Document;
  let state = 20_261_123;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pick = <T>(items: readonly T[]): T => items[next(items.length)]!;
  const ids = [workspace.id, file.id, ann.id, 'x', '01890a5d-ac96-774b-bcce-b302099a8057'];
  const mine = new Map<string, string>();
  for (const { type } of everything) {
    const { body } = await ann.get<RecordObject[]>(`/${type}`);
    // Her own session, ended by chance, would end the test.
    if (body.data[0] && type !== 'sessions') mine.set(type, body.data[0].id);
  }
  const junk = () =>
    pick<unknown>([
      pick(naughty),
      next(1e9),
      -1,
      1.5,
      true,
      null,
      [],
      {},
      [pick(naughty)],
      { a: pick(naughty) },
    ]);
  const make = (schema: Schema, depth = 0): unknown => {
    if (next(40) === 0 || depth > 8) return junk();
    const target = schema.$ref
      ? document.components.schemas[schema.$ref.split('/').at(-1)!]!
      : schema;
    if (target.enum) return pick(target.enum);
    if (target.properties)
      return Object.fromEntries(
        Object.entries(target.properties)
          .filter(() => next(5) > 0)
          .map(([name, part]) => [name, make(part, depth + 1)]),
      );
    if ('const' in target) return target.const;
    const type = [target.type].flat()[0];
    if (type === 'array')
      return Array.from({ length: next(3) }, () => make(target.items ?? {}, depth + 1));
    if (type === 'integer') return next(100);
    if (type === 'boolean') return next(2) === 0;
    return pick([pick(naughty), pick(ids), 'plain']);
  };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(() => !/stream|sign-out|register/.test(path))
      .map(([method, operation]) => ({ path, method, operation })),
  );
  const requests = Array.from({ length: 500 }, () => {
    const { path, method, operation } = pick(operations);
    const asked = (operation.parameters ?? []).filter(
      (parameter) => parameter.in === 'query' && next(12) === 0,
    );
    const query = asked.map(
      ({ name }) =>
        `${name}${name === 'filter' ? `[${pick(['path', 'id', 'name', 'x'])}]` : ''}=${encodeURIComponent(pick([...naughty, '1', 'id', 'name']).toWellFormed())}`,
    );
    const url = `${path.replace('{id}', () => (next(4) > 0 ? mine.get(path.split('/')[1]!) : undefined) ?? pick(ids))}${query.length > 0 ? `?${query.join('&')}` : ''}`;
    const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    const raw =
      content && (type === mediaType ? JSON.stringify(make(content.schema)) : pick(naughty));
    const headers: Record<string, string> = type ? { 'content-type': type } : {};
    return { url, method: method.toUpperCase(), raw, headers };
  });
  const statuses = new Map<number, number>();
  await each(requests, async ({ url, ...options }) => {
    const response = await ann.fetch(url, options);
    const said = await response.text();
    expect([options.method, url, options.raw, said.slice(0, 200), response.status < 500]).toEqual([
      options.method,
      url,
      options.raw,
      said.slice(0, 200),
      true,
    ]);
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  });
  // It reached the actions and not only the gate.
  expect(statuses.get(200)).toBeGreaterThan(50);
  expect(statuses.size).toBeGreaterThan(4);
  expect((await ann.get('/users/me')).status).toBe(200);
});
