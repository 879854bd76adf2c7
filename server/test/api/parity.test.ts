import type { Attribute, Resource } from '@kyozo/resource';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listName, mutationName, relateName, typeName } from '../../src/api/graphql/names.ts';
import { actionsOf, placeOf } from '../../src/api/jsonapi/routes.ts';
import { resources } from '../../src/resources.ts';
import { zip } from '../archives/zips.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
/** Three ways of being in one team. */
const people: Record<'owner' | 'member' | 'reader', Person> = {} as never;
const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';
const everything = resources as readonly Resource[];
const actions = everything.flatMap((resource) =>
  actionsOf(resource)
    .filter((name) => name !== 'write')
    .map((name) => [`${resource.type}.${name}`, resource, name] as const),
);

beforeAll(async () => {
  server = await startServer();
  const ann = await register(server.url, 'Ann');
  const bob = await register(server.url, 'Bob');
  const team = (await ann.post('/teams', 'teams', { name: 'Shared' })).body.data.id;
  await server.query(
    `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
    [team, bob.id],
  );
  const keyOf = async (person: Person, scope: string) => {
    const answer = await person.request('/api-keys', {
      method: 'POST',
      headers: { 'kyozo-team': team },
      body: { data: { type: 'api-keys', attributes: { name: scope, scopes: [scope] } } },
    });
    return new Person(server.url, answer.body.meta.key as string, { id: person.id });
  };
  for (const person of [ann, bob])
    for (const name of ['Laptop', 'Phone', 'Key'])
      await server.query(
        `insert into passkeys (id, user_id, name, credential_id, public_key, counter)
         values (gen_random_uuid(), $1, $2, gen_random_uuid(), 'x', 0)`,
        [person.id, name],
      );
  people.owner = await keyOf(ann, 'write');
  people.member = await keyOf(bob, 'write');
  people.reader = await keyOf(ann, 'read');
  for (const person of [ann, bob])
    for (const kind of ['membership.removed', 'security.password-changed', 'team.deleted'])
      await server.query('select notify_person($1, $2, $3, $4)', [person.id, kind, team, { kind }]);
  for (const name of ['x', 'y', 'z'])
    await people.owner.post('/invitations', 'invitations', {
      email: `${name}@example.com`,
      role: name === 'x' ? 'admin' : 'member',
    });
  const docs = await people.owner.workspace('Docs');
  const code = await people.member.workspace('Code');
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await people.owner.file(
      docs,
      `${name}.md`,
      `# ${name}\n\n\`\`\`bash {name=${name}}\necho ${name}\n\`\`\`\n`,
    );
  const old = await people.member.file(code, 'old.ts', 'let x = 1;\n');
  await people.member.file(code, 'new.ts');
  await people.member.delete(`/files/${old.id}`);
  const archive = zip(['x', 'y', '../z'].map((name) => ({ name: `in/${name}`, content: name })));
  for (const person of [people.owner, people.member])
    for (let count = 0; count < 2; count++) {
      const { data } = (
        await person.request(`/workspaces/${code.id}/import`, {
          ...{ method: 'POST', raw: archive },
          headers: { 'content-type': 'application/zip' },
        })
      ).body;
      const running = async () => (await person.get(`/transfers/${data.id}`)).body.data;
      while ((await running()).attributes.finishedAt === null);
    }
  await people.owner.post(`/workspaces/${code.id}/archive`, 'workspaces');
  const { body } = await people.owner.get<RecordObject[]>('/tasks');
  const run = await people.owner.post(`/tasks/${body.data[0]!.id}/runs`, 'task-runs');
  await (await people.owner.fetch(`/task-runs/${run.body.data.id}/outputs/stream`)).text();
  await server.query(
    `insert into pictures (id, team_id, file_id, version, status, width, height)
     select gen_random_uuid(), team_id, id, version, 'ready', 10 * version, 20 from files
     where workspace_id = $1`,
    [docs.id],
  );
  await server.query(
    `insert into storage_moves (id, team_id, workspace_id, backend, status, total, done, bytes, started_at)
     select gen_random_uuid(), team_id, id, backend, 'cancelled', 9, 5, 100, now()
     from workspaces, unnest(array['disk', 's3', 'hybrid']) as backend where id = $1`,
    [docs.id],
  );
});
afterAll(() => server.stop());

type Shown = Record<string, unknown> & { id: string };
type List = { totalCount: number; edges: { cursor: string; node: Shown }[] };

/** One list by both APIs: ids and attributes in order, and the count. */
async function both(person: Person, resource: Resource, query: Asked) {
  const name = listName(resource.type);
  const { body, status } = await person.get<RecordObject[]>(
    `/${resource.type}?page[count]=true&page[size]=${query.size ?? 100}${query.url ?? ''}`,
  );
  expect([resource.type, query, status]).toEqual([resource.type, query, 200]);
  const fields = ['id', ...Object.keys(resource.attributes)].join(' ');
  const answer = await person.graphql<Record<string, List>>(
    `query ($filter: ${typeName(resource.type)}Filter, $sort: [String!], $first: Int, $after: String) {
      ${name}(filter: $filter, sort: $sort, first: $first, after: $after) { totalCount edges { cursor node { ${fields} } } } }`,
    { filter: query.filter, sort: query.sort, first: query.size ?? 100, after: query.after },
  );
  expect([resource.type, query, answer.errors]).toEqual([resource.type, query, undefined]);
  const list = answer.data[name]!;
  return {
    rest: body.data.map(({ id, attributes }) => ({ id, ...attributes })),
    graph: list.edges.map(({ node }) => node),
    totals: [(body.meta.page as { total: number }).total, list.totalCount],
    last: list.edges.at(-1)?.cursor,
  };
}
type Asked = { url?: string; filter?: object; sort?: string[]; size?: number; after?: string };

async function same(person: Person, resource: Resource, query: Asked): Promise<Shown[]> {
  const { rest, graph, totals } = await both(person, resource, query);
  expect({ query, list: graph }).toEqual({ query, list: rest });
  expect(totals[0]).toBe(totals[1]);
  return graph;
}

describe.each(['owner', 'member', 'reader'] as const)('reads as %s', (who) => {
  test.each(everything.map((resource) => [resource.type, resource] as const))(
    '%s: every filter, order and page',
    async (_type, resource) => {
      const person = people[who];
      const [first] = await same(person, resource, {});
      // A member sees no invitations.
      if (who === 'member' && resource.type === 'invitations') return expect(first).toBeUndefined();
      expect(first).toBeDefined();
      if (resource.cursor) return;
      for (const [name, attribute] of Object.entries(resource.attributes)) {
        if (attribute.sortable) {
          await same(person, resource, { url: `&sort=${name}`, sort: [name] });
          await same(person, resource, { url: `&sort=-${name},id`, sort: [`-${name}`, 'id'] });
        }
        if (attribute.filterable) await filters(person, resource, name, attribute, first![name]);
      }
      const { last } = await both(person, resource, { size: 2 });
      await same(person, resource, { size: 2, url: `&page[after]=${last}`, after: last! });
    },
  );
});

async function filters(
  person: Person,
  resource: Resource,
  name: string,
  attribute: Attribute,
  value: unknown,
) {
  const ask = (operator: string, operand: unknown) =>
    same(person, resource, {
      url: `&filter[${name}][${operator}]=${encodeURIComponent(String(operand))}`,
      filter: { [name]: { [operator]: operand } },
    });
  await ask('is_nil', true);
  await ask('is_nil', false);
  if (value === null || value === undefined) return;
  expect((await ask('eq', value)).length).toBeGreaterThan(0);
  await ask('not_eq', value);
  if (attribute.kind === 'boolean') return;
  expect((await ask('lte', value)).length).toBeGreaterThan(0);
  await ask('gt', value);
  if (attribute.kind === 'text') await ask('starts_with', String(value).slice(0, 2));
}

test.each<[string, string, object]>([
  ['files', '&filter[workspace][name]=Docs', { workspace: { name: { eq: 'Docs' } } }],
  ['files', '&filter[notebook][tasks][name]=b', { notebook: { tasks: { name: { eq: 'b' } } } }],
  ['files', '&filter[not][workspace][name]=Docs', { not: { workspace: { name: { eq: 'Docs' } } } }],
  [
    'workspaces',
    '&filter[or][0][files][path]=a.md&filter[or][1][slug]=code',
    { or: [{ files: { path: { eq: 'a.md' } } }, { slug: { eq: 'code' } }] },
  ],
  [
    'tasks',
    '&filter[notebook][file][workspace][slug]=docs',
    { notebook: { file: { workspace: { slug: { eq: 'docs' } } } } },
  ],
  ['teams', '&filter[users][name]=Bob', { users: { name: { eq: 'Bob' } } }],
])('%s through relationships: %s', async (type, url, filter) => {
  const resource = everything.find((it) => it.type === type)!;
  expect((await same(people.member, resource, { url, filter })).length).toBeGreaterThan(0);
});

test('every action of JSON:API is a mutation, and there is no other', async () => {
  const { data } = await people.owner.graphql<{
    __schema: { mutationType: { fields: { name: string }[] } };
  }>('{ __schema { mutationType { fields { name } } } }');
  const names = data.__schema.mutationType.fields.map((field) => field.name).sort();
  expect(names).toEqual(actions.map(([, resource, name]) => mutationName(resource, name)).sort());
});

type Given = { id?: string; attributes?: Record<string, unknown>; workspace?: string };
type Payload = { errors: { code: string; fields: string[] }[] };

/** An action's first error by both APIs. */
async function errorsOf(person: Person, resource: Resource, name: string, given: Given) {
  const { method, url } = placeOf(resource, name);
  const workspace = given.workspace
    ? { workspace: { data: { type: 'workspaces', id: given.workspace } } }
    : undefined;
  const plain = method === 'PATCH' ? { id: given.id } : {};
  const data = {
    type: resource.type,
    ...plain,
    attributes: given.attributes ?? {},
    relationships: workspace,
  };
  const rest = await person.request(url.replace(':id', given.id ?? ''), {
    method,
    body: method === 'DELETE' ? undefined : { data },
  });
  const action = resource.actions[name]!;
  const mutation = mutationName(resource, name);
  const members = [
    ...(action.accept ?? []),
    ...Object.keys(action.arguments ?? {}),
    ...(action.relate ?? []),
  ];
  const input = {
    ...given.attributes,
    ...(given.workspace ? { [relateName('workspace')]: given.workspace } : {}),
  };
  const typed = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input${action.require?.length ? '!' : ''}`;
  const variables = [
    ...(given.id ? ['$id: ID!'] : []),
    ...(members.length > 0 ? [`$input: ${typed}`] : []),
  ];
  const passed = [
    ...(given.id ? ['id: $id'] : []),
    ...(members.length > 0 ? ['input: $input'] : []),
  ];
  const list = (parts: string[]) => (parts.length > 0 ? `(${parts.join(', ')})` : '');
  const { data: graph, errors } = await person.graphql<Record<string, Payload>>(
    `mutation ${list(variables)} { ${mutation}${list(passed)} { errors { code fields } } }`,
    { id: given.id, input },
  );
  return {
    rest: rest.status < 400 ? undefined : rest.body.errors[0]!.code,
    graph: errors ? errors[0]!.message : graph[mutation]!.errors[0]?.code,
  };
}

/** What an action needs to get past the GraphQL schema. */
const plausible: Record<string, Record<string, unknown>> = {
  'branches.create': { name: 'topic' },
  'users.confirm': { token: 'x' },
  'users.send-confirmation': { email: 'nobody' },
  'users.forgot-password': { email: 'nobody' },
  'users.reset-password': { token: 'x', password: 'correct horse battery' },
  'users.magic-link': { email: 'nobody@example.com' },
  'users.magic-link-sign-in': { token: 'x' },
  'users.oauth-sign-in': { token: 'x' },
  'users.passkey-sign-in': { response: {} },
  'users.change-password': { currentPassword: 'x', password: 'correct horse battery' },
  'users.change-email': { currentPassword: 'x', email: 'nobody@example.com' },
  'users.two-factor-enroll': { currentPassword: 'x' },
  'users.two-factor-enable': { code: 'x' },
  'users.two-factor-disable': { currentPassword: 'x', code: 'x' },
  'users.two-factor-recovery-codes': { currentPassword: 'x', code: 'x' },
  'users.delete-account': { currentPassword: 'x' },
  'passkeys.create': { name: 'Laptop', response: {} },
  'users.register': { name: 'x', email: 'x', password: 'x' },
  'users.sign-in': { email: 'nobody@example.com', password: 'x' },
  'users.refresh': { refreshToken: 'x' },
  'teams.create': { name: 'x' },
  'api-keys.create': { name: 'x', scopes: ['write'] },
  'workspaces.create': { name: 'x' },
  'workspaces.move-storage': { backend: 'disk' },
  'files.create': { path: 'x.md' },
  'teams.transfer': { userId: nowhere },
  'invitations.create': { email: 'w@example.com', role: 'member' },
  'invitations.preview-invitation': { token: 'x' },
  'invitations.accept-invitation': { token: 'x' },
};
const givenFor = (resource: Resource, name: string): Given => ({
  id: placeOf(resource, name).url.includes(':id') ? nowhere : undefined,
  attributes: plausible[`${resource.type}.${name}`] ?? {},
  workspace: ['files.create', 'branches.create'].includes(`${resource.type}.${name}`)
    ? nowhere
    : undefined,
});

test.each(actions)(
  '%s fails alike for a stranger, a reader and on nothing',
  async (at, resource, name) => {
    for (const person of [new Person(server.url), people.reader, people.member]) {
      const before = await server.query('select count(*) from events');
      const { rest, graph } = await errorsOf(person, resource, name, givenFor(resource, name));
      expect(graph).toBe(rest);
      // What a member may simply do.
      const makes =
        at === 'users.passkey-challenge' ||
        (person === people.member &&
          /^((workspaces|api-keys)\.create|notifications\.read-all.*)$/.test(at));
      if (!makes) {
        expect(rest).toMatch(/^(unauthenticated|forbidden|not_found|invalid)$/);
        expect(await server.query('select count(*) from events')).toEqual(before);
      }
    }
  },
);

test('and alike for what is wrong with a record', async () => {
  const [file] = (await people.owner.get<RecordObject[]>('/files?filter[path]=a.md')).body.data;
  const [code] = (await people.owner.get<RecordObject[]>('/workspaces?filter[slug]=code')).body
    .data;
  await people.owner.delete(`/workspaces/${code!.id}/archive`);
  const of = (type: string) => everything.find((resource) => resource.type === type)!;
  const table: [Person, string, string, Given, string][] = [
    [
      people.member,
      'workspaces',
      'update',
      { id: code!.id, attributes: { name: 'x' } },
      'forbidden',
    ],
    [people.member, 'workspaces', 'archive', { id: code!.id }, 'forbidden'],
    [
      people.owner,
      'workspaces',
      'update',
      { id: code!.id, attributes: { slug: 'A B' } },
      'invalid',
    ],
    [
      people.owner,
      'workspaces',
      'update',
      { id: code!.id, attributes: { slug: 'docs' } },
      'conflict',
    ],
    [people.owner, 'workspaces', 'update', { id: code!.id, attributes: { name: '' } }, 'invalid'],
    [people.owner, 'files', 'update', { id: file!.id, attributes: { path: '../x' } }, 'invalid'],
    [people.owner, 'files', 'update', { id: file!.id, attributes: { path: 'b.md' } }, 'conflict'],
    [people.owner, 'files', 'update', { id: file!.id, attributes: { path: 'B.md' } }, 'invalid'],
    [people.owner, 'files', 'restore', { id: file!.id, attributes: { version: 99 } }, 'not_found'],
    [
      people.owner,
      'files',
      'create',
      { attributes: { path: 'z.md', content: '*', encoding: 'base64' }, workspace: code!.id },
      'invalid',
    ],
    [people.owner, 'api-keys', 'create', { attributes: { name: 'x', scopes: ['all'] } }, 'invalid'],
    [people.owner, 'teams', 'create', { attributes: { name: 'x' } }, 'forbidden'],
    [
      people.owner,
      'users',
      'update',
      { id: people.member.id, attributes: { name: 'x' } },
      'forbidden',
    ],
  ];
  for (const [person, type, name, given, code] of table)
    expect([type, name, given, await errorsOf(person, of(type), name, given)]).toEqual([
      type,
      name,
      given,
      { rest: code, graph: code },
    ]);
});
