import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { JSONAPISerializers, JSONAPISource } from '@orbit/jsonapi';
import { type InitializedRecord, RecordKeyMap, RecordSchema } from '@orbit/records';
import { buildSerializerSettingsFor } from '@orbit/serializers';
import Jsona from 'jsona';
import Kitsu from 'kitsu';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../../support/api.ts';
import { startServer, type TestServer } from '../../support/server.ts';

type Model = Record<string, string> & { workspace: { name: string; team: { personal: boolean } } };

/* Programs that other people wrote for JSON:API do their work against this server unchanged. */

let server: TestServer;
let ann: Person;
let workspace: RecordObject;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace('Docs');
  for (const name of ['a', 'b', 'c']) await ann.file(workspace, `${name}.md`, `# ${name}\n`);
});
afterAll(() => server.stop());

const base = () => `${server.url}/api/v1`;
const authorization = () => `Bearer ${ann.token}`;

test('kitsu creates, reads, includes, pages, updates and deletes', async () => {
  const kitsu = new Kitsu({
    baseURL: base(),
    camelCaseTypes: false,
    pluralize: false,
    headers: { Authorization: authorization() },
  });
  // biome-ignore lint/suspicious/noExplicitAny: kitsu's types say nothing of what it answers
  type Loose = Record<string, any>;
  const made = (await kitsu.create('workspaces', { name: 'By kitsu' })) as Loose;
  expect(made.data).toMatchObject({ type: 'workspaces', name: 'By kitsu', slug: 'by-kitsu' });
  const shown = (await kitsu.get(`workspaces/${made.data.id}`, {
    params: { include: 'team', fields: { workspaces: 'name,team' } },
  })) as Loose;
  expect(shown.data.team.data).toMatchObject({ type: 'teams', personal: true });
  const page = (await kitsu.get('files', {
    params: { page: { size: 2 }, sort: 'path', filter: { workspace: { name: 'Docs' } } },
  })) as Loose;
  expect(page.data.map((it: Loose) => it.path)).toEqual(['a.md', 'b.md']);
  expect(page.links.next).toContain('page%5Bafter%5D');
  await kitsu.update('workspaces', { id: made.data.id, name: 'Renamed' });
  expect(((await kitsu.get(`workspaces/${made.data.id}`)) as Loose).data.name).toBe('Renamed');
  const key = (await kitsu.create('api-keys', { name: 'kitsu', scopes: ['read'] })) as Loose;
  await kitsu.delete('api-keys', key.data.id);
  await expect(kitsu.get(`api-keys/${key.data.id}`)).rejects.toMatchObject({
    errors: [{ status: '404' }],
  });
});

test('jsona takes apart what it gets and puts together what it sends', async () => {
  const jsona = new Jsona();
  const list = await ann.get('/files?include=workspace.team&sort=path&page[size]=2');
  const [first] = jsona.deserialize(JSON.stringify(list.body)) as Model[];
  expect([first!.path, first!.workspace.name, first!.workspace.team.personal]).toEqual([
    'a.md',
    'Docs',
    true,
  ]);
  const body = jsona.serialize({
    stuff: {
      type: 'files',
      path: 'by-jsona.md',
      content: '# J\n',
      workspace: { type: 'workspaces', id: workspace.id },
      relationshipNames: ['workspace'],
    },
  });
  const made = await ann.request('/files', { method: 'POST', body });
  expect(made.status).toBe(201);
  const model = jsona.deserialize(JSON.stringify(made.body)) as Model;
  const changed = await ann.request(`/files/${model.id}`, {
    method: 'PATCH',
    body: jsona.serialize({ stuff: { type: 'files', id: model.id, path: 'moved.md' } }),
  });
  expect([changed.status, changed.body.data.attributes.path]).toEqual([200, 'moved.md']);
  expect((await ann.delete(`/files/${model.id}`)).status).toBe(204);
});

test('Orbit queries, pages, adds, replaces and removes', async () => {
  const schema = new RecordSchema({
    models: {
      workspaces: {
        keys: { remoteId: {} },
        attributes: { name: { type: 'string' }, slug: { type: 'string' } },
        relationships: { files: { kind: 'hasMany', type: 'files' } },
      },
      files: {
        keys: { remoteId: {} },
        attributes: { path: { type: 'string' }, size: { type: 'number' } },
        relationships: { workspace: { kind: 'hasOne', type: 'workspaces' } },
      },
    },
  });
  const asItIs = { serializationOptions: { inflectors: ['dasherize'] } };
  // Ids are the server's, so Orbit keeps its own beside them.
  const keyMap = new RecordKeyMap();
  const known = ({ type, id }: { type: string; id: string }) => {
    keyMap.pushRecord({ type, id, keys: { remoteId: id } });
    return { type, id };
  };
  const source = new JSONAPISource({
    schema,
    keyMap,
    name: 'kyozo',
    host: server.url,
    namespace: 'api/v1',
    serializerSettingsFor: buildSerializerSettingsFor({
      settingsByType: { [JSONAPISerializers.ResourceTypePath]: asItIs },
    }),
    defaultFetchSettings: { headers: { Authorization: authorization() } },
  });
  type Found = InitializedRecord & { attributes: Record<string, unknown> };
  const pathsOf = (records: unknown) => (records as Found[]).map((it) => it.attributes.path);
  const named = { attribute: 'path', op: 'equal', value: 'a.md' } as const;
  expect(pathsOf(await source.query((q) => q.findRecords('files').filter(named)))).toEqual([
    'a.md',
  ]);
  const page = await source.query((q) =>
    q.findRecords('files').sort('-path').page({ limit: 2, offset: 0 }),
  );
  expect(pathsOf(page)).toEqual(['c.md', 'b.md']);
  const made = (await source.update((t) =>
    t.addRecord({ type: 'workspaces', attributes: { name: 'By Orbit' } }),
  )) as Found;
  expect(made.attributes.slug).toBe('by-orbit');
  await source.update((t) => t.replaceAttribute(made, 'name', 'Again'));
  const remote = made.keys!.remoteId!;
  expect((await ann.get(`/workspaces/${remote}`)).body.data.attributes.name).toBe('Again');
  const [docs] = (await source.query((q) =>
    q.findRecords('workspaces').filter({ attribute: 'name', op: 'equal', value: 'Docs' }),
  )) as [Found];
  const related = await source.query((q) => q.findRelatedRecords(docs, 'files'));
  expect(pathsOf(related).sort()).toEqual(['a.md', 'b.md', 'c.md']);
  const file = await ann.file({ type: 'workspaces', id: remote }, 'gone.md', 'x');
  await source.update((t) => t.removeRecord(known(file)));
  expect((await ann.get(`/files/${file.id}`)).body.data.attributes.deletedAt).not.toBeNull();
});

test('a client generated from OpenAPI compiles, and works', async () => {
  const root = join(import.meta.dirname, '../../../..');
  const folder = await mkdtemp(join(root, 'server', '.client-'));
  try {
    const run = promisify(execFile);
    // The generator works with a TypeScript of its own, so it lies where npm has put it.
    const generator = join(
      dirname(fileURLToPath(import.meta.resolve('openapi-typescript'))),
      '../bin/cli.js',
    );
    await run(
      process.execPath,
      [generator, `${base()}/openapi.json`, '-o', join(folder, 'api.ts')],
      { cwd: root },
    );
    await writeFile(join(folder, 'program.ts'), generatedProgram);
    const options = [
      '--ignoreConfig',
      '--strict',
      '--noEmit',
      '--skipLibCheck',
      '--target',
      'es2023',
      '--module',
      'nodenext',
      '--allowImportingTsExtensions',
      '--noUnusedLocals',
    ];
    await run(join(root, 'node_modules/.bin/tsc'), [...options, join(folder, 'program.ts')], {
      cwd: root,
    });
    const { work } = (await import(join(folder, 'program.ts'))) as {
      work: (url: string, token: string) => Promise<unknown>;
    };
    expect(await work(base(), ann.token!)).toEqual({
      created: 'generated',
      page: ['a.md', 'b.md'],
      next: true,
      included: ['workspaces'],
      patched: 'Patched',
      deleted: 204,
      missing: ['not_found'],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

const generatedProgram = `
import createClient from 'openapi-fetch';
import type { paths } from './api.ts';

export async function work(url: string, token: string) {
  const headers = { authorization: \`Bearer \${token}\`, 'content-type': 'application/vnd.api+json' };
  const client = createClient<paths>({ baseUrl: url, headers });
  const made = await client.POST('/workspaces', {
    body: { data: { type: 'workspaces', attributes: { name: 'Generated' } } },
  });
  const id = made.data!.data.id;
  const list = await client.GET('/files', {
    params: { query: { 'page[size]': 2, sort: 'path', include: 'workspace', 'filter[contentType]': 'text/markdown' } },
  });
  const patched = await client.PATCH('/workspaces/{id}', {
    params: { path: { id } },
    body: { data: { type: 'workspaces', id, attributes: { name: 'Patched' } } },
  });
  const key = await client.POST('/api-keys', {
    body: { data: { type: 'api-keys', attributes: { name: 'x', scopes: ['read'] } } },
  });
  const deleted = await client.DELETE('/api-keys/{id}', { params: { path: { id: key.data!.data.id } } });
  const missing = await client.GET('/files/{id}', { params: { path: { id } } });
  return {
    created: made.data?.data.attributes?.slug,
    page: list.data?.data.map((file) => file.attributes?.path),
    next: typeof list.data?.links?.next === 'string',
    included: list.data?.included?.map((it) => it.type),
    patched: patched.data?.data.attributes?.name,
    deleted: deleted.response.status,
    missing: missing.error?.errors.map((it) => it.code),
  };
}
`;
