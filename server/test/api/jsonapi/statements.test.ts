import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../../../../cli/src/client.ts';
import { type Answer, type Person, type RecordObject, register } from '../../support/api.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import {
  type Json,
  keyOf,
  primaryOf,
  relationshipsOf,
  resourcesOf,
  rules,
} from './document-rules.ts';
import statements from './normative-statements.json' with { type: 'json' };

/*
 * Every MUST of JSON:API's machine-readable list of statements is the name of a test. Some of its texts
 * are still those of 1.0; the prose of 1.1 wins, where `ext` and `profile` are media type parameters.
 */

const media = 'application/vnd.api+json';
const missing = '01890a5d-ac96-774b-bcce-b302099a8057';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
let file: RecordObject;
/** Documents of every kind, as they were received. */
const corpus: Json[] = [];
const headersOfCorpus: Headers[] = [];

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace('Docs');
  for (const name of ['b', 'a', 'c'])
    file = await ann.file(workspace, `${name}.md`, `# ${name}\n\n\`\`\`bash\necho 1\n\`\`\`\n`);
  await ann.key('read');
  const types = [
    'users',
    'teams',
    'user-teams',
    'api-keys',
    'workspaces',
    'files',
    'file-versions',
    'notebooks',
    'tasks',
    'task-runs',
    'events',
  ];
  for (const type of types) {
    const all = await keep(`/${type}`);
    const first = primaryOf(all)[0];
    if (!first) continue;
    await keep(`/${type}/${first.id}`);
    for (const name of Object.keys((first.relationships ?? {}) as Json)) {
      await keep(`/${type}/${first.id}/${name}`);
      await keep(`/${type}/${first.id}/relationships/${name}`);
    }
  }
  for (const path of [
    '/files?include=workspace.team,versions,notebook.tasks',
    '/files?page[limit]=1&page[count]=true',
    '/files?nope=1',
    `/files/${missing}`,
    '/nowhere',
  ])
    await keep(path);
});
afterAll(() => server.stop());

async function keep(path: string): Promise<Json> {
  const { body, headers } = await ann.get(path);
  corpus.push(body as unknown as Json);
  headersOfCorpus.push(headers);
  return body as unknown as Json;
}
const everywhere = (rule: (document: Json) => void) => () => {
  expect(corpus.length).toBeGreaterThan(60);
  for (const document of corpus) rule(document);
};
const post = (path: string, data: unknown, headers?: Record<string, string>) =>
  ann.request(path, { method: 'POST', body: { data }, headers });
const patch = (path: string, data: unknown) =>
  ann.request(path, { method: 'PATCH', body: { data } });
const workspaces = (attributes: object, more: object = {}) => ({
  type: 'workspaces',
  attributes,
  ...more,
});
const status = async (answer: Promise<Answer> | Promise<Response>) => (await answer).status;
const paths = async (query: string) =>
  (await ann.get<RecordObject[]>(`/files?${query}`)).body.data.map((it) => it.attributes.path);
const follows = async (url: unknown, expected = 200) => {
  const answer = await ann.get(String(url));
  expect(answer.status).toBe(expected);
  return answer.body as unknown as Json;
};
const fileAt = (id = file.id) => `/files/${id}`;
/** A request that JSON:API has forbidden here, for each way of changing a relationship. */
const relate = (method: string, name: string, data: unknown) =>
  ann.request(`${fileAt()}/relationships/${name}`, { method, body: { data } });

/** What the product's own client sends, and what it makes of what comes back. */
async function seenByClient(
  work: (client: Client) => Promise<unknown>,
): Promise<{ headers: Json; result: unknown }> {
  let headers: Json = {};
  const listener = createServer((request, response) => {
    headers = request.headers;
    response.setHeader('content-type', `${media}; profile="https://example.com/p"; unknown=1`);
    response.end(
      JSON.stringify({ data: { type: 'workspaces', id: missing, attributes: { name: 'x' } } }),
    );
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const result = await work(
    new Client(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`, 'x'),
  );
  listener.close();
  return { headers, result };
}

const tests: Record<string, () => unknown> = {
  'request-content-type': async () => {
    const { headers } = await seenByClient((client) =>
      client.post('workspaces', '/workspaces', { name: 'x' }),
    );
    expect(headers['content-type']).toBe(media);
  },
  'request-accept': async () => {
    const { headers } = await seenByClient((client) => client.get('/workspaces'));
    expect(
      headers.accept === undefined ||
        String(headers.accept).includes('*/*') ||
        headers.accept === media,
    ).toBe(true);
  },
  'response-ignore-parameters': async () => {
    const { result } = await seenByClient((client) => client.get('/workspaces/x'));
    expect(result).toMatchObject({ data: { attributes: { name: 'x' } } });
  },
  'response-content-type': () => {
    for (const headers of headersOfCorpus) {
      const [type, ...parameters] = headers.get('content-type')!.split(';');
      expect(type).toBe(media);
      for (const parameter of parameters) expect(parameter.trim()).toMatch(/^(ext|profile)="/);
    }
  },
  'response-unsupported-media-type': async () => {
    const send = (type: string) =>
      status(post('/workspaces', workspaces({ name: 'x' }), { 'content-type': type }));
    expect(await send(`${media}; charset=utf-8`)).toBe(415);
    expect(await send(`${media}; ext="https://example.com/unknown"`)).toBe(415);
    expect(await send(`${media}; profile="https://example.com/unknown"`)).toBe(201);
  },
  'response-not-acceptable': async () => {
    const read = (accept: string) => status(ann.get('/workspaces', { accept }));
    expect(await read(`${media}; version=1`)).toBe(406);
    expect(await read(`${media}; ext="https://example.com/unknown"`)).toBe(406);
    expect(await read(`${media}; version=1, ${media}`)).toBe(200);
    expect((await ann.get('/workspaces')).headers.get('vary')).toContain('Accept');
  },
  'additional-members': everywhere(rules.onlyDefinedMembers),
  'ignore-additional-members': async () => {
    const body = {
      data: { ...workspaces({ name: 'x' }), surplus: 1 },
      surplus: { a: 1 },
      jsonapi: { version: '1.1' },
    };
    expect(await status(ann.request('/workspaces', { method: 'POST', body }))).toBe(201);
  },
  'json-object': async () => {
    everywhere(rules.isObject)();
    for (const raw of ['[]', '"x"', '7', 'null']) {
      const answer = await ann.request('/workspaces', {
        method: 'POST',
        raw,
        headers: { 'content-type': media },
      });
      expect(answer.status).toBe(400);
    }
  },
  'required-top-level': everywhere(rules.hasTopLevel),
  'data-errors': everywhere(rules.dataOrErrors),
  'data-included': everywhere(rules.includedOnlyWithData),
  'primary-data': everywhere(rules.primaryIsOneOrMany),
  'logical-collection': async () => {
    expect((await ann.get('/files?filter[path]=a.md')).body.data).toHaveLength(1);
    expect((await ann.get('/files?filter[path]=none')).body.data).toEqual([]);
  },
  'resource-required-top-level': everywhere(rules.resourcesHaveTypeAndId),
  'resource-optional-top-level': everywhere(rules.onlyDefinedMembers),
  'resource-id-type': everywhere(rules.resourcesHaveTypeAndId),
  'resource-id-type-types': everywhere(rules.resourcesHaveTypeAndId),
  'resource-unique': () => {
    const bodies = new Map<string, string>();
    for (const it of corpus.filter((document) => !('included' in document)).flatMap(resourcesOf)) {
      const identity = JSON.stringify((it.links as Json).self);
      expect(bodies.get(keyOf(it)) ?? identity).toBe(identity);
      bodies.set(keyOf(it), identity);
    }
    expect(bodies.size).toBeGreaterThan(10);
  },
  'resource-type-constraints': everywhere(rules.typesAreMemberNames),
  'resource-fields': everywhere(rules.fieldsShareANamespace),
  'resource-attributes-key': everywhere(rules.attributesAreAnObject),
  'resource-attributes-reserve-members': everywhere(rules.attributesReserveNames),
  'resource-relationships-key': everywhere(rules.relationshipsAreAnObject),
  'resource-relationships-object': everywhere(rules.relationshipsSaySomething),
  'resource-related-resource-link': async () => {
    for (const [, it] of relationshipsOf((await ann.get(fileAt())).body as unknown as Json))
      await follows((it.links as Json).related);
    const plain = await ann.file(workspace, 'plain.txt', 'x');
    expect((await follows(`/files/${plain.id}/notebook`)).data).toBeNull();
  },
  'resource-related-resource-link-change': async () => {
    const empty = await ann.workspace('Fills');
    const before = (await ann.get(`/workspaces/${empty.id}`)).body.data.relationships.files;
    await ann.file(empty, 'x.md', 'x');
    const after = (await ann.get(`/workspaces/${empty.id}`)).body.data.relationships.files;
    expect((after as Json).links).toEqual((before as Json).links);
  },
  'resource-linkage': everywhere(rules.linkageHasItsForm),
  'resource-link-response': async () => {
    const { data } = await follows((file as unknown as { links: Json }).links.self);
    expect(keyOf(data as Json)).toBe(keyOf(file as unknown as Json));
  },
  'resource-identifier-required-members': everywhere(rules.resourcesHaveTypeAndId),
  'compound-documents-top-level-included': everywhere(rules.includedIsAList),
  'compound-documents-full-linkage': everywhere(rules.fullLinkage),
  'compound-documents-duplicates': everywhere(rules.noDuplicates),
  'meta-objects': everywhere(rules.metaIsAnObject),
  'top-level-links': everywhere(rules.linksAreAnObject),
  'top-level-links-members': everywhere(rules.linksHaveTheirForm),
  'json-api-type': everywhere(rules.jsonapiIsAnObject),
  'member-name-case': async () => {
    expect(await status(post('/workspaces', workspaces({ Name: 'x' })))).toBe(422);
    expect(await status(ann.get('/files?filter[Path]=a.md'))).toBe(400);
  },
  'member-name-character': everywhere(rules.memberNamesAreAllowed),
  'member-name-allowed-characters-only': everywhere(rules.memberNamesAreAllowed),
  'member-name-globally-allowed': everywhere(rules.memberNamesAreAllowed),
  'member-name-reserved-characters': everywhere(rules.memberNamesAreAllowed),
  'member-name-at-members-no-process': async () => {
    const data = workspaces(
      { name: 'At', '@context': { name: 'No' } },
      { '@id': 7, relationships: { '@x': 1 } },
    );
    const made = await ann.request('/workspaces', {
      method: 'POST',
      body: { '@context': {}, data },
    });
    expect([made.status, made.body.data.attributes.name]).toEqual([201, 'At']);
  },
  'member-name-at-members-ignore-for-definitions': async () => {
    // An object of @-members alone is an object without members.
    expect(
      await status(
        ann.request('/workspaces', {
          method: 'POST',
          body: { '@data': workspaces({ name: 'x' }) },
        }),
      ),
    ).toBe(400);
    expect(await status(post('/workspaces', workspaces({ '@name': 'x' })))).toBe(422);
  },
  'fetch-url-support': async () => {
    const document = (await ann.get('/files')).body as unknown as Json;
    await follows((document.links as Json).self);
    for (const it of resourcesOf(document)) await follows((it.links as Json).self);
    for (const [, it] of relationshipsOf(document)) await follows((it.links as Json).related);
  },
  'fetch-response-code': async () => {
    expect(await status(ann.get('/files'))).toBe(200);
    expect(await status(ann.get(fileAt()))).toBe(200);
  },
  'fetch-primary-data-collection': async () => {
    expect(Array.isArray((await ann.get('/files')).body.data)).toBe(true);
    expect((await ann.get('/task-runs')).body.data).toEqual([]);
  },
  'fetch-primary-data-single': async () => {
    expect((await ann.get(fileAt())).body.data).toMatchObject({ type: 'files', id: file.id });
    const plain = await ann.file(workspace, 'single.txt', 'x');
    expect((await ann.get(`/files/${plain.id}/notebook`)).body.data).toBeNull();
  },
  'fetch-responses-404': async () => expect(await status(ann.get(fileAt(missing)))).toBe(404),
  'fetch-responses-http-semantics': async () => {
    const head = await ann.fetch(fileAt(), { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const etag = head.headers.get('etag')!;
    expect(await status(ann.get(fileAt(), { 'if-none-match': etag }))).toBe(304);
  },
  'fetch-relationships': async () => {
    for (const [, it] of relationshipsOf((await ann.get('/files')).body as unknown as Json))
      await follows((it.links as Json).self);
  },
  'fetch-relationships-response-200': async () =>
    expect(await status(ann.get(`${fileAt()}/relationships/workspace`))).toBe(200),
  'fetch-relationships-response-200-primary-data': async () => {
    expect((await ann.get(`${fileAt()}/relationships/workspace`)).body.data).toEqual({
      type: 'workspaces',
      id: workspace.id,
    });
    const many = await ann.get<RecordObject[]>(`${fileAt()}/relationships/versions`);
    for (const it of many.body.data) expect(Object.keys(it).sort()).toEqual(['id', 'type']);
  },
  'fetch-relationships-response-404': async () => {
    expect(await status(ann.get(`${fileAt()}/relationships/nope`))).toBe(404);
    expect(await status(ann.get(`${fileAt(missing)}/relationships/workspace`))).toBe(404);
  },
  'fetch-relationships-response-exists-empty': async () => {
    const plain = await ann.file(workspace, 'empty.txt', 'x');
    const one = await ann.get(`/files/${plain.id}/relationships/notebook`);
    expect([one.status, one.body.data]).toEqual([200, null]);
    const empty = await ann.workspace();
    const many = await ann.get(`/workspaces/${empty.id}/relationships/files`);
    expect([many.status, many.body.data]).toEqual([200, []]);
  },
  'fetch-relationships-http-semantics': async () =>
    expect(await status(ann.fetch(`${fileAt()}/relationships/workspace`, { method: 'HEAD' }))).toBe(
      200,
    ),
  'inclusion-unrequested': async () => {
    const { body } = await ann.get('/files?include=workspace');
    expect(new Set(body.included!.map((it) => it.type))).toEqual(new Set(['workspaces']));
    expect((await ann.get('/files?include=')).body.included ?? []).toEqual([]);
  },
  'inclusion-include-parameter-value': async () => {
    const { body } = await ann.get('/files?include=versions,workspace.team');
    expect(new Set(body.included!.map((it) => it.type))).toEqual(
      new Set(['file-versions', 'workspaces', 'teams']),
    );
  },
  'inclusion-bad-request': async () => {
    for (const path of ['nope', 'workspace.nope', 'workspace..team'])
      expect(await status(ann.get(`/files?include=${path}`))).toBe(400);
  },
  'sparse-fieldsets-parameter-value': async () => {
    const { body } = await ann.get(`${fileAt()}?fields[files]=size,path`);
    expect(Object.keys(body.data.attributes).sort()).toEqual(['path', 'size']);
    expect(await status(ann.get(`${fileAt()}?fields[files]=nope`))).toBe(400);
  },
  'sparse-fieldsets-additional-fields': async () => {
    const { body } = await ann.get(
      '/files?fields[files]=path&fields[workspaces]=name&include=workspace',
    );
    for (const it of resourcesOf(body as unknown as Json).filter(({ type }) => type === 'files')) {
      expect(Object.keys(it.attributes as Json)).toEqual(['path']);
      expect(it.relationships).toBeUndefined();
    }
    for (const it of body.included!) expect(Object.keys(it.attributes)).toEqual(['name']);
  },
  'sorting-parameter-value': async () =>
    expect(await status(ann.get('/files?sort=path,-size'))).toBe(200),
  'sorting-multiple-fields': async () =>
    expect(await paths('sort=size,-path&filter[path][in]=a.md,b.md,c.md')).toEqual([
      'c.md',
      'b.md',
      'a.md',
    ]),
  'sorting-order': async () => {
    expect(await paths('sort=path&filter[path][in]=a.md,b.md')).toEqual(['a.md', 'b.md']);
    expect(await paths('sort=-path&filter[path][in]=a.md,b.md')).toEqual(['b.md', 'a.md']);
  },
  'sorting-not-supported': async () => {
    for (const sort of ['metadata', 'nope', 'workspace.name'])
      expect(await status(ann.get(`/files?sort=${sort}`))).toBe(400);
  },
  'sorting-specified-order': async () => {
    const sorted = (await paths('sort=path&page[size]=100')) as string[];
    expect(sorted).toEqual([...sorted].sort());
  },
  'pagination-links-object': async () => {
    const { links } = (await ann.get('/files?page[size]=1')).body;
    for (const name of ['first', 'prev', 'next']) expect(links).toHaveProperty(name);
    const related = (await ann.get(`/workspaces/${workspace.id}/files?page[size]=1`)).body;
    expect(related.links).toHaveProperty('next');
  },
  'pagination-keys': async () => {
    const { links } = (await ann.get('/files?page[limit]=1&page[count]=true')).body;
    expect(Object.keys(links).sort()).toEqual(['first', 'last', 'next', 'prev', 'self']);
  },
  'pagination-unavailable-link': async () => {
    const { links } = (await ann.get('/files?page[size]=100')).body;
    expect([links.prev ?? null, links.next ?? null]).toEqual([null, null]);
  },
  'pagination-order': async () => {
    const first = (await ann.get<RecordObject[]>('/files?sort=path&page[size]=1')).body;
    const second = (await ann.get<RecordObject[]>(first.links.next!)).body;
    const back = (await ann.get<RecordObject[]>(second.links.prev!)).body;
    expect(String(second.data[0]!.attributes.path) > String(first.data[0]!.attributes.path)).toBe(
      true,
    );
    expect(back.data[0]!.id).toBe(first.data[0]!.id);
  },
  'crud-atomic': async () => {
    const before = await server.query('select * from workspaces order by id');
    expect(
      await status(
        patch(`/workspaces/${workspace.id}`, {
          ...workspaces({ name: 'New', slug: 'Not A Slug' }),
          id: workspace.id,
        }),
      ),
    ).toBe(422);
    expect(await server.query('select * from workspaces order by id')).toEqual(before);
  },
  'create-single-resource': async () => {
    for (const data of [[], [workspaces({ name: 'x' })], null, 'x'])
      expect(await status(post('/workspaces', data))).toBe(400);
  },
  'create-type-member': async () =>
    expect(await status(post('/workspaces', { attributes: { name: 'x' } }))).toBe(400),
  'create-relationships-member': async () => {
    const data = { type: 'files', attributes: { path: 'r.md' }, relationships: { workspace: {} } };
    expect(await status(post('/files', data))).toBe(400);
  },
  'create-client-generated-ids-key': async () =>
    expect(await status(post('/workspaces', workspaces({ name: 'x' }, { id: 'not-a-uuid' })))).toBe(
      403,
    ),
  'create-client-generated-ids-forbidden': async () =>
    expect(await status(post('/workspaces', workspaces({ name: 'x' }, { id: missing })))).toBe(403),
  'create-responses-201-status': async () =>
    expect(await status(post('/workspaces', workspaces({ name: 'x' })))).toBe(201),
  'create-responses-201-document': async () =>
    expect(
      (await post('/workspaces', workspaces({ name: 'Shown' }))).body.data.attributes.name,
    ).toBe('Shown'),
  'create-responses-201-self': async () => {
    const made = await post('/workspaces', workspaces({ name: 'x' }));
    expect((made.body.data as unknown as { links: Json }).links.self).toBe(
      made.headers.get('location'),
    );
  },
  'create-responses-202': async () => {
    const { body } = await ann.get<RecordObject[]>('/tasks');
    const run = await ann.post(`/tasks/${body.data[0]!.id}/runs`, 'task-runs');
    expect([run.status, run.body.data.attributes.status]).toEqual([202, 'queued']);
    await (await ann.fetch(`/task-runs/${run.body.data.id}/outputs/stream`)).text();
  },
  // Ids are made by the server, so neither of the two can come to pass: such a request is forbidden.
  'create-responses-204': async () =>
    expect(await status(post('/workspaces', workspaces({ name: 'x' }, { id: missing })))).toBe(403),
  'create-responses-409-exists': async () =>
    expect(await status(post('/workspaces', workspaces({ name: 'x' }, { id: workspace.id })))).toBe(
      403,
    ),
  'create-responses-409-bad-type': async () => {
    const answer = await post('/workspaces', { type: 'files', attributes: { name: 'x' } });
    expect([answer.status, answer.body.errors[0]!.source]).toEqual([
      409,
      { pointer: '/data/type' },
    ]);
  },
  'create-http-semantics': async () => {
    const made = await post('/workspaces', workspaces({ name: 'x' }));
    expect(await status(ann.get(made.headers.get('location')!))).toBe(200);
  },
  'update-patch-resource': async () => {
    for (const data of [[], null])
      expect(await status(patch(`/workspaces/${workspace.id}`, data))).toBe(400);
  },
  'update-patch-resource-members': async () => {
    const url = `/workspaces/${workspace.id}`;
    expect(await status(patch(url, { id: workspace.id, attributes: {} }))).toBe(400);
    expect(await status(patch(url, { type: 'workspaces', attributes: {} }))).toBe(400);
  },
  'update-interpret-resource-attributes': async () => {
    const made = (await post('/workspaces', workspaces({ name: 'Kept', description: 'stays' })))
      .body.data;
    const { body } = await patch(`/workspaces/${made.id}`, {
      ...workspaces({ name: 'Changed' }),
      id: made.id,
    });
    expect(body.data.attributes).toMatchObject({ name: 'Changed', description: 'stays' });
  },
  'update-interpret-resource-relationships': async () => {
    const made = await ann.file(workspace, 'rel.md', 'x');
    const { body } = await patch(`/files/${made.id}`, {
      type: 'files',
      id: made.id,
      attributes: { path: 'rel-2.md' },
    });
    expect(body.data.relationships.workspace!.data).toEqual({
      type: 'workspaces',
      id: workspace.id,
    });
  },
  'update-resource-relationship-value': async () =>
    expect(
      await status(
        patch(fileAt(), { type: 'files', id: file.id, relationships: { workspace: {} } }),
      ),
    ).toBe(400),
  'update-resource-relationship-reject-full-replacement-response': async () => {
    const before = (await ann.get(fileAt())).body;
    const relationships = { versions: { data: [] } };
    const answer = await patch(fileAt(), {
      type: 'files',
      id: file.id,
      attributes: { path: 'no.md' },
      relationships,
    });
    expect(answer.status).toBe(403);
    expect((await ann.get(fileAt())).body).toEqual(before);
  },
  'update-resource-202-status': async () => tests['create-responses-202']!(),
  'update-resource-200-status': async () => {
    const made = await ann.workspace('Stamped');
    const answer = await patch(`/workspaces/${made.id}`, {
      ...workspaces({ name: 'Again' }),
      id: made.id,
    });
    expect(answer.status).toBe(200);
    expect(answer.body.data.attributes.updatedAt).not.toBe(made.attributes.updatedAt);
  },
  'update-resource-relationship-200-response': async () => {
    const made = await ann.workspace('Same');
    const answer = await patch(`/workspaces/${made.id}`, {
      ...workspaces({ name: 'Same' }),
      id: made.id,
    });
    expect(answer.body.data).toEqual((await ann.get(`/workspaces/${made.id}`)).body.data);
  },
  'update-resource-200-meta': async () => {
    const answer = await ann.post('/users/sign-out', 'users');
    expect([answer.status, answer.body]).toEqual([204, undefined]);
    ann = await register(server.url);
    workspace = await ann.workspace('Docs');
    file = await ann.file(workspace, 'a.md', '# a\n');
  },
  // No update answers with meta alone; those that say something show the record.
  'update-resource-200-meta-representation': everywhere(rules.hasTopLevel),
  'update-resource-204-status': async () => {
    const made = await ann.workspace('Nothing');
    const answer = await patch(`/workspaces/${made.id}`, { ...workspaces({}), id: made.id });
    expect([200, 204]).toContain(answer.status);
  },
  'update-resource-403-status': async () => {
    const answer = await patch(fileAt(), {
      type: 'files',
      id: file.id,
      relationships: { workspace: { data: { type: 'workspaces', id: workspace.id } } },
    });
    expect(answer.status).toBe(403);
    expect(
      await status(relate('PATCH', 'workspace', { type: 'workspaces', id: workspace.id })),
    ).toBe(403);
  },
  'update-resource-404-status': async () =>
    expect(
      await status(patch(`/workspaces/${missing}`, { ...workspaces({ name: 'x' }), id: missing })),
    ).toBe(404),
  'update-resource-404-related': async () => {
    const relationships = { workspace: { data: { type: 'workspaces', id: missing } } };
    expect(
      await status(post('/files', { type: 'files', attributes: { path: 'x.md' }, relationships })),
    ).toBe(404);
  },
  'update-resource-409-no-match': async () => {
    const url = `/workspaces/${workspace.id}`;
    expect(await status(patch(url, { ...workspaces({ name: 'x' }), id: missing }))).toBe(409);
    expect(await status(patch(url, { type: 'files', id: workspace.id, attributes: {} }))).toBe(409);
  },
  'update-resource-http-semantics': async () => {
    const made = await ann.workspace('Held');
    const answer = await ann.patch(
      `/workspaces/${made.id}`,
      made,
      { name: 'x' },
      { 'if-match': '"old"' },
    );
    expect(answer.status).toBe(412);
  },
  'respond-patch-to-one-relationship-link': async () => {
    expect(await status(relate('PATCH', 'workspace', null))).toBe(403);
    expect(
      await status(
        ann.request(`${fileAt(missing)}/relationships/workspace`, {
          method: 'PATCH',
          body: { data: null },
        }),
      ),
    ).toBe(404);
  },
  'patch-to-one-data-member': async () => {
    for (const data of [[], 'x', { id: 'x' }])
      expect(await status(relate('PATCH', 'workspace', data))).toBe(400);
    expect(
      await status(
        ann.request(`${fileAt()}/relationships/workspace`, { method: 'PATCH', body: {} }),
      ),
    ).toBe(400);
  },
  'patch-to-one-response': async () =>
    expect(
      await status(relate('PATCH', 'workspace', { type: 'workspaces', id: workspace.id })),
    ).toBe(403),
  'respond-patch-post-delete-to-many-relationship-link': async () => {
    for (const method of ['PATCH', 'POST', 'DELETE'])
      expect(await status(relate(method, 'versions', []))).toBe(403);
  },
  'patch-post-delete-to-many-data-member': async () => {
    for (const method of ['PATCH', 'POST', 'DELETE'])
      for (const data of [null, { type: 'file-versions', id: missing }, ['x']])
        expect(await status(relate(method, 'versions', data))).toBe(400);
  },
  'patch-to-many-complete-replace': async () =>
    expect(await status(relate('PATCH', 'versions', []))).toBe(403),
  'post-to-many-add': async () => expect(await status(relate('POST', 'versions', []))).toBe(403),
  'post-to-many-add-again': async () => {
    const before = await ann.get(`${fileAt()}/relationships/versions`);
    const again = (before.body.data as unknown as Json[])[0];
    expect(await status(relate('POST', 'versions', [again]))).toBe(403);
    expect((await ann.get(`${fileAt()}/relationships/versions`)).body.data).toEqual(
      before.body.data,
    );
  },
  'post-to-many-response': async () =>
    expect(await status(relate('POST', 'versions', []))).toBe(403),
  'delete-to-many': async () => {
    const before = await ann.get(`${fileAt()}/relationships/versions`);
    expect(await status(relate('DELETE', 'versions', before.body.data))).toBe(403);
    expect((await ann.get(`${fileAt()}/relationships/versions`)).body.data).toEqual(
      before.body.data,
    );
  },
  'delete-to-many-success': async () =>
    expect(await status(relate('DELETE', 'versions', []))).toBe(403),
  // Relationships are what their records say; none is changed through its own URL, and each of these is told so.
  ...Object.fromEntries(
    [
      '202-status',
      '204-status',
      '200-status',
      '200-response',
      '200-meta',
      '200-meta-content',
      '403-status',
    ].map((name) => [
      `updating-relationship-${name}`,
      async () => {
        for (const relationship of ['workspace', 'notebook']) {
          const answer = await relate('PATCH', relationship, null);
          expect([answer.status, answer.body.errors[0]!.code]).toEqual([403, 'forbidden']);
        }
      },
    ]),
  ),
  'update-relationship-http-semantics': async () =>
    expect(
      await status(
        ann.request(`${fileAt()}/relationships/nope`, { method: 'PATCH', body: { data: null } }),
      ),
    ).toBe(404),
  // Every deletion is done when it is answered.
  'delete-202-status': async () => tests['delete-204-status']!(),
  'delete-204-status': async () => {
    const made = await ann.file(workspace, 'bye.md', 'x');
    const answer = await ann.delete(`/files/${made.id}`);
    expect([answer.status, answer.body]).toEqual([204, undefined]);
    expect((await ann.get(`/files/${made.id}`)).body.data.attributes.deletedAt).not.toBeNull();
  },
  'delete-200-status': async () => {
    const key = await ann.post('/api-keys', 'api-keys', { name: 'x', scopes: ['read'] });
    expect(await status(ann.delete(`/api-keys/${key.body.data.id}`))).toBe(204);
    expect(await status(ann.get(`/api-keys/${key.body.data.id}`))).toBe(404);
  },
  'deleting-http-semantics': async () =>
    expect(await status(ann.delete(`/api-keys/${missing}`))).toBe(404),
  'query-parameters-non-alpha': async () => {
    for (const name of ['nope', 'page', 'filters', 'includes'])
      expect(await status(ann.get(`/files?${name}=1`))).toBe(400);
    // No parameter of ours is made of a to z alone but those of the specification.
    const openapi = (await (await ann.fetch('/api/v1/openapi.json')).json()) as {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>;
    };
    const names = Object.entries(openapi.paths)
      .filter(([path]) => !path.includes('stream'))
      .flatMap(([, methods]) => Object.values(methods))
      .flatMap(({ parameters }) => parameters ?? [])
      .filter((it) => it.in === 'query')
      .map(({ name }) => name.replace(/\[.*/, ''));
    const reserved = ['filter', 'sort', 'page', 'include', 'fields'];
    const bad = names.filter((name) => /^[a-z]*$/.test(name) && !reserved.includes(name));
    expect(bad).toEqual([]);
  },
  'error-object-key': async () => {
    everywhere(rules.errorsAreAList)();
    for (const path of ['/nowhere', fileAt(missing), '/files?nope=1']) {
      const { body } = await ann.get(path);
      expect(body.errors.length).toBeGreaterThan(0);
      for (const error of body.errors)
        expect(error).toMatchObject({
          status: expect.any(String),
          code: expect.any(String),
          detail: expect.any(String),
        });
    }
  },
};

const musts = statements.included.filter(
  (it) =>
    it.type === 'normative-statements' &&
    'level' in it.attributes &&
    it.attributes.level === 'MUST',
);
const ids = [...new Set(musts.map(({ id }) => id))];

test('the list has 128 MUST, and each is tested', () => {
  expect(musts).toHaveLength(128);
  expect(Object.keys(tests).sort()).toEqual([...ids].sort());
});

test.each(ids)('%s', async (id) => {
  await tests[id]!();
});
