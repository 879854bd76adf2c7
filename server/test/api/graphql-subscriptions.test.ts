import { createClient as createStream } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace('Docs');
});
afterAll(() => server.stop());

type Payload = Record<'id' | 'name' | 'cursor' | 'recordId' | 'data', string> & { seq: number };
type Result = { data?: Record<string, Payload> | null; errors?: readonly unknown[] };
type Subscription = { next(): Promise<Result | undefined>; close(): Promise<void> };
type Way = (person: Person, query: string, variables?: Record<string, unknown>) => Subscription;

const bySocket: Way = (person, query, variables) => {
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/api/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${person.token}` },
  });
  const results = client.iterate({ query, variables });
  return {
    next: async () => (await results.next()).value as Result | undefined,
    close: async () => client.terminate(),
  };
};
const byStream: Way = (person, query, variables) => {
  const client = createStream({
    url: `${server.url}/api/graphql`,
    retryAttempts: 0,
    headers: { authorization: `Bearer ${person.token}` },
  });
  const results = client.iterate({ query, variables });
  return {
    next: async () => (await results.next()).value as Result | undefined,
    close: async () => client.dispose(),
  };
};
const ways: [string, Way][] = [
  ['graphql-ws', bySocket],
  ['graphql-sse', byStream],
];

const newest = async (): Promise<string> => {
  const [row] = await server.query<{ cursor: string }>(
    `select xid::text || '-' || seq as cursor from events order by xid desc, seq desc limit 1`,
  );
  return row!.cursor;
};

describe.each(ways)('by %s', (_name, subscribe) => {
  test('events of a workspace come with who, what and a cursor; others’ do not come', async () => {
    const other = await ann.workspace('Other');
    const after = await newest();
    const subscription = subscribe(
      ann,
      `subscription ($w: ID, $after: String) { events(workspaceId: $w, after: $after) {
        cursor id name resource recordId occurredAt data user { id name } } }`,
      { w: workspace.id, after },
    );
    await ann.file(other, `${Math.random()}.md`);
    const file = await ann.file(workspace, `${Math.random()}.md`);
    const { data, errors } = (await subscription.next())!;
    expect(errors).toBeUndefined();
    expect(data!.events).toMatchObject({
      ...{ name: 'file.created', resource: 'files', recordId: file.id },
      data: { path: file.attributes.path },
      user: { id: ann.id, name: 'Ann' },
      cursor: expect.stringMatching(/^\d+-\d+$/),
    });
    await subscription.close();
  });

  test('nothing is missed, doubled or out of order across reconnections at random', async () => {
    const after = await newest();
    const writing = (async () => {
      for (let at = 0; at < 60; at++) await ann.file(workspace, `w${Math.random()}.md`);
      await ann.patch(`/workspaces/${workspace.id}`, workspace, {
        description: `${Math.random()}`,
      });
    })();
    const seen: { id: string; name: string }[] = [];
    let cursor = after;
    for (let ended = false; !ended; ) {
      const subscription = subscribe(
        ann,
        'subscription ($after: String) { events(after: $after) { cursor id name } }',
        { after: cursor },
      );
      const piece = 1 + Math.floor(Math.random() * 12);
      for (let at = 0; at < piece && !ended; at++) {
        const result = await subscription.next();
        const event = result!.data!.events!;
        seen.push(event);
        cursor = event.cursor;
        ended = event.name === 'workspace.updated';
      }
      await subscription.close();
    }
    await writing;
    const rows = await server.query<{ id: string }>(
      `select id from events where (xid, seq) > ($1::xid8, $2::bigint) and team_id = (select team_id from workspaces where id = $3) order by xid, seq`,
      [...after.split('-'), workspace.id],
    );
    expect(seen.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect(seen.length).toBeGreaterThanOrEqual(61);
  });

  test('a change comes with the record as it is, and null when it is gone', async () => {
    const [file, other] = [
      await ann.file(workspace, `${Math.random()}.md`),
      await ann.file(workspace, `${Math.random()}.md`),
    ];
    const key = (await ann.post('/api-keys', 'api-keys', { name: 'k', scopes: ['read'] })).body
      .data;
    const after = await newest();
    const files = subscribe(
      ann,
      `subscription ($id: ID, $after: String) { fileChanged(id: $id, after: $after) {
        cursor name recordId file { path deletedAt workspace { name } } } }`,
      { id: file.id, after },
    );
    await ann.patch(`/files/${other.id}`, other, { path: `${Math.random()}.md` });
    await ann.patch(`/files/${file.id}`, file, { path: 'moved.md' });
    expect((await files.next())!.data!.fileChanged).toMatchObject({
      ...{ name: 'file.updated', recordId: file.id },
      file: { path: 'moved.md', deletedAt: null, workspace: { name: 'Docs' } },
    });
    await ann.delete(`/files/${file.id}`);
    expect((await files.next())!.data!.fileChanged).toMatchObject({
      name: 'file.deleted',
      file: { deletedAt: expect.any(String) },
    });
    await files.close();
    const keys = subscribe(
      ann,
      'subscription ($after: String) { apiKeyChanged(after: $after) { name recordId apiKey { id } } }',
      { after },
    );
    expect((await ann.delete(`/api-keys/${key.id}`)).status).toBe(204);
    expect((await keys.next())!.data!.apiKeyChanged).toMatchObject({
      recordId: key.id,
      apiKey: null,
    });
    await keys.close();
  });

  test('a run’s outputs come in order from a number on, and end with the run', async () => {
    const cell = '```bash {name=t}\nfor i in 1 2 3 4 5; do echo $i; sleep 0.1; done\n```\n';
    const file = await ann.file(workspace, `${Math.random()}.md`, cell);
    const notebook = (await ann.get(`/files/${file.id}/notebook`)).body.data;
    const { body } = await ann.get<RecordObject[]>(`/notebooks/${notebook.id}/tasks`);
    const run = (await ann.post(`/tasks/${body.data[0]!.id}/runs`, 'task-runs')).body.data;
    const read = async (after?: number) => {
      const outputs: { seq: number; data: string }[] = [];
      const subscription = subscribe(
        ann,
        'subscription ($r: ID!, $after: Long) { taskRunOutputs(runId: $r, after: $after) { seq data } }',
        { r: run.id, after },
      );
      for (let result = await subscription.next(); result; result = await subscription.next()) {
        outputs.push(result.data!.taskRunOutputs!);
      }
      await subscription.close();
      return outputs;
    };
    const outputs = await read();
    expect(outputs.map(({ data }) => data).join('')).toContain('1\n2\n3\n4\n5\n');
    expect(outputs.map(({ seq }) => seq)).toEqual(outputs.map((_, at) => at + 1));
    expect(await read(2)).toEqual(outputs.slice(2));
  });

  test.each([
    ['events(after: "x") { id }', 'malformed'],
    ['events(workspaceId: "x") { id }', 'malformed'],
    ['fileChanged(id: "x") { name }', 'malformed'],
    ['taskRunOutputs(runId: "x") { seq }', 'not_found'],
    ['taskRunOutputs(runId: "01890a5d-ac96-774b-bcce-b302099a8057") { seq }', 'not_found'],
  ])('%s is refused as %s', async (field, code) => {
    const subscription = subscribe(ann, `subscription { ${field} }`);
    const result = await subscription.next().catch((errors: unknown) => ({ errors }) as Result);
    expect(result).toMatchObject({ errors: [{ extensions: { code } }] });
    await subscription.close();
  });

  test('a key sees what its scopes reach, a stranger nothing, and others’ keys nobody', async () => {
    const bob = await register(server.url, 'Bob');
    await server.query(
      `insert into user_teams (id, team_id, user_id, role) select gen_random_uuid(), team_id, $1, 'member' from workspaces where id = $2`,
      [bob.id, workspace.id],
    );
    const after = await newest();
    await ann.key('read');
    const file = await ann.file(workspace, `${Math.random()}.md`);
    const reader = await ann.key('events:read', 'files:read');
    const names = async (person: Person) => {
      const subscription = subscribe(
        person,
        'subscription ($after: String) { events(after: $after) { name recordId } }',
        { after },
      );
      const first = (await subscription.next())!.data!.events!;
      await subscription.close();
      return [first.name, first.recordId];
    };
    expect(await names(reader)).toEqual(['file.created', file.id]);
    const narrow = await ann.key('files:read');
    for (const field of ['events { id }', 'workspaceChanged { name }']) {
      const subscription = subscribe(narrow, `subscription { ${field} }`);
      const result = await subscription.next().catch((errors: unknown) => ({ errors }) as Result);
      expect(result).toMatchObject({ errors: [{ extensions: { code: 'forbidden' } }] });
      await subscription.close();
    }
  });
});

describe('the stream', () => {
  const open = (query: string, headers: Record<string, string> = {}) =>
    ann.fetch('/api/graphql', {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
      raw: JSON.stringify({ query }),
    });

  test('a query is one result and the end; so is what is refused', async () => {
    const response = await open('{ me { id } }');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    expect(await response.text()).toBe(
      `:\n\nevent: next\ndata: {"data":{"me":{"id":"${ann.id}"}}}\n\nevent: complete\ndata: \n\n`,
    );
    const refused = await (await open('{ me { nothing } }')).text();
    expect(refused).toMatch(/^:\n\nevent: next\ndata: \{"errors":\[.*\n\nevent: complete/);
  });

  test('a subscription is 406 for those who cannot read a stream', async () => {
    const response = await open('subscription { events { id } }', { accept: 'application/json' });
    expect(response.status).toBe(406);
  });

  test('a wrong credential is 401, and one that ends says so at the end', async () => {
    expect((await open('{ me { id } }', { authorization: 'Bearer x' })).status).toBe(401);
    const zoe = await register(server.url, 'Zoe');
    const response = await open('subscription { events { id } }', {
      authorization: `Bearer ${zoe.token}`,
    });
    const before = Date.now();
    await zoe.request('/users/sign-out', { method: 'POST' });
    const text = await response.text();
    expect(text).toContain('"code":"unauthenticated"');
    expect(text).toMatch(/event: complete\ndata: \n\n$/);
    expect(Date.now() - before).toBeLessThan(2_500);
  });
});
