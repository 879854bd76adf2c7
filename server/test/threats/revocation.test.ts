import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { type Acting, join, membership, setRole, teamOf } from '../accounts/members.ts';
import { Editor, until } from '../collaboration/editor.ts';
import { authFrame, RawClient, sync, syncFrame } from '../collaboration/frames.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What the threats promise: after the commit and this long nothing is open, in milliseconds. */
const promised = 1_000;
const password = 'correct horse battery';
let server: TestServer;
let owner: Acting;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer({ signInsPerMinute: 1_000 });
  owner = await teamOf(await register(server.url, 'Owner'));
  workspace = await owner.workspace();
});
afterAll(() => server.stop());

const act = (path: string, attributes: object, person: Person) =>
  person.post(`/users/${path}`, 'users', attributes);
const member = () => join(owner, 'member');
const signIn = async (person: Person) => {
  const { body } = await act('sign-in', { email: person.email, password }, person);
  return new Person(server.url, body.meta.accessToken as string, person);
};

type Ending = { who: Person; end: () => Promise<unknown> };
const fine = async (answer: Promise<{ status: number }>) =>
  expect((await answer).status).toBeLessThan(300);

/** A new key of the acting person's in the team: who holds it, and its id. */
async function keyOf(person: Acting, attributes: object): Promise<{ who: Person; id: string }> {
  const given = { name: 'k', scopes: ['write'], ...attributes };
  const { body } = await person.post('/api-keys', 'api-keys', given);
  return { who: new Person(server.url, body.meta.key as string), id: body.data.id };
}

const endings: [string, () => Promise<Ending>][] = [
  [
    'a membership that is revoked',
    async () => {
      const who = await member();
      const record = await membership(owner, who);
      return { who, end: () => fine(owner.delete(`/user-teams/${record.id}`)) };
    },
  ],
  [
    'a key that is revoked',
    async () => {
      const { who, id } = await keyOf(await member(), {});
      return { who, end: () => fine(owner.delete(`/api-keys/${id}`)) };
    },
  ],
  [
    'a key of the team that is revoked',
    async () => {
      const { who, id } = await keyOf(owner, { owner: 'team', role: 'admin' });
      return { who, end: () => fine(owner.delete(`/api-keys/${id}`)) };
    },
  ],
  [
    'a key whose time is over',
    async () => {
      const { who, id } = await keyOf(await member(), {});
      const over = `update api_keys set expires_at = now() where id = $1`;
      return { who, end: () => server.query(over, [id]) };
    },
  ],
  [
    'the key of a member who is removed',
    async () => {
      const person = await member();
      const record = await membership(owner, person);
      const { who } = await keyOf(person, {});
      return { who, end: () => fine(owner.delete(`/user-teams/${record.id}`)) };
    },
  ],
  [
    'a session that signs out',
    async () => {
      const who = await member();
      return { who, end: () => fine(act('sign-out', {}, who)) };
    },
  ],
  [
    'a session that another one ends',
    async () => {
      const person = await member();
      const who = await signIn(person);
      const ended = async () => fine(person.post('/sessions/revoke-others', 'sessions'));
      return { who, end: ended };
    },
  ],
  [
    'a password that is changed elsewhere',
    async () => {
      const person = await member();
      const who = await signIn(person);
      const change = { currentPassword: password, password: 'another horse battery' };
      return { who, end: () => fine(act('change-password', change, person)) };
    },
  ],
  [
    'an account that is deleted',
    async () => {
      const who = await member();
      return { who, end: () => fine(act('delete-account', { currentPassword: password }, who)) };
    },
  ],
  [
    'a team that is deleted',
    async () => {
      const team = await teamOf(await register(server.url));
      const mine = await team.workspace();
      const who = await join(team, 'member');
      return Object.assign(
        { who, end: () => fine(team.delete(`/teams/${team.team}`)) },
        { mine, team },
      );
    },
  ],
];

/** Everything that somebody can hold open, and when each of it has ended. */
async function holdOpen(who: Person, team: Acting, place: RecordObject) {
  const headers: Record<string, string> = who.token!.startsWith('kyozo_')
    ? {}
    : { 'kyozo-team': team.team };
  const acting = new Person(server.url, who.token);
  const file = await team.file(place, `${crypto.randomUUID()}.md`, 'One.\n');
  const editor = new Editor(server.url, who.token!, file.id);
  const raw = await RawClient.open(server.url);
  raw.send(authFrame(file.id, who.token!));
  await until(() => editor.isSaved && raw.received.includes('auth:2'));
  const socket = await graphqlSocket(who.token!, headers['kyozo-team']);
  const streams = await Promise.all(
    [
      '/events/stream',
      `/api/graphql?query=${encodeURIComponent('subscription { events { name data } }')}`,
    ].map(async (path) => {
      const accept = { accept: 'text/event-stream' };
      const response = await acting.fetch(path, { headers: { ...headers, ...accept } });
      expect([path, response.status]).toEqual([path, 200]);
      const seen = { text: '', over: undefined as number | undefined };
      void (async () => {
        try {
          for await (const chunk of response.body!) seen.text += Buffer.from(chunk).toString();
        } catch {
          // It was cut off, which is an end too.
        }
        seen.over = Date.now();
      })();
      return seen;
    }),
  );
  return { file, editor, raw, socket, streams };
}

async function graphqlSocket(token: string, team: string | undefined) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/graphql`, [
    'graphql-transport-ws',
  ]);
  const seen = { text: '', over: undefined as number | undefined };
  socket.on('message', (data) => {
    seen.text += String(data);
  });
  socket.on('close', () => {
    seen.over = Date.now();
  });
  await once(socket, 'open');
  const payload = { authorization: token, ...(team ? { team } : {}) };
  socket.send(JSON.stringify({ type: 'connection_init', payload }));
  await until(() => seen.text.includes('connection_ack'));
  const query = 'subscription { events { name data } }';
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }));
  return { socket, seen };
}

const anUpdate = () => {
  const document = new Y.Doc();
  document.getXmlFragment('default').insert(0, [new Y.XmlElement('forged')]);
  return Y.encodeStateAsUpdate(document);
};

test.each(endings)(
  'A1.5 %s: every socket and stream closes within a second, and nothing is accepted or told later',
  async (_name, begin) => {
    const begun = await begin();
    const { who, end } = begun;
    const own = begun as Ending & { team?: Acting; mine?: RecordObject };
    const [team, place] = [own.team ?? owner, own.mine ?? workspace];
    const open = await holdOpen(who, team, place);
    let closedAt: number | undefined;
    open.editor.provider.on('close', () => {
      closedAt ??= Date.now();
    });
    await end();
    const at = Date.now();
    await until(() => !!(closedAt && open.socket.seen.over && open.streams.every((it) => it.over)));
    const took = [closedAt!, open.socket.seen.over!, ...open.streams.map((it) => it.over!)].map(
      (it) => it - at,
    );
    // The streams look once a second, and are read by a timer beside two dozen others.
    expect(Math.max(...took.slice(0, 2))).toBeLessThanOrEqual(promised);
    expect(Math.max(...took)).toBeLessThanOrEqual(promised + 250);
    open.raw.send(syncFrame(open.file.id, sync.update, anUpdate()));
    if (!own.team) await team.file(place, `secret-${open.file.id}.md`, 'x\n');
    const again = new Editor(server.url, who.token!, open.file.id);
    await until(() => again.refused !== undefined);
    again.leave();
    const rows = await server.query('select 1 from document_updates where file_id = $1', [
      open.file.id,
    ]);
    expect(rows).toEqual([]);
    for (const { text } of [open.socket.seen, ...open.streams])
      expect(text).not.toContain(`secret-${open.file.id}`);
    open.editor.leave();
    open.raw.close();
  },
);

test('A1.5 a role that is lowered: the document closes, and the socket and streams go on as the lower role', async () => {
  const admin = await join(owner, 'admin');
  const record = await membership(owner, admin);
  const open = await holdOpen(admin, owner, workspace);
  const invite = (email: string) =>
    owner.post('/invitations', 'invitations', { email, role: 'member' });
  await fine(invite('seen-by-admins@example.com'));
  const all = () => [open.socket.seen, ...open.streams];
  await until(() => all().every(({ text }) => text.includes('seen-by-admins@example.com')));
  await fine(setRole(owner, record, 'member'));
  const at = Date.now();
  await until(() => open.editor.closed);
  expect(Date.now() - at).toBeLessThanOrEqual(promised);
  await fine(invite('not-for-members@example.com'));
  await owner.workspace('A mark');
  await until(() => all().every(({ text }) => text.includes('A mark')));
  for (const { text } of all()) expect(text).not.toContain('not-for-members@example.com');
  // The same credential may come back, in the role that it has now.
  const back = new Editor(server.url, admin.token!, open.file.id);
  await until(() => back.isSaved || back.refused !== undefined);
  expect(back.refused).toBeUndefined();
  back.leave();
  open.editor.leave();
  open.raw.close();
  open.socket.socket.close();
});

test('C2 whoever is removed is told 403 not_a_member by every edge, and 401 by none; the session goes on', async () => {
  const who = await member();
  const record = await membership(owner, who);
  const file = await owner.file(workspace, 'c2.md', 'One.\n');
  const { socket } = await graphqlSocket(who.token!, owner.team);
  const closed = once(socket, 'close') as Promise<[number, Buffer]>;
  const editor = new Editor(server.url, who.token!, file.id);
  await until(() => editor.isSaved);
  const left = new Promise<{ reason: string }>((resolve) =>
    editor.provider.on('close', ({ event }: { event: { reason: string } }) => resolve(event)),
  );
  const json = { 'content-type': 'application/json' };
  const atomic = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';
  const tus = { 'tus-resumable': '1.0.0', 'upload-length': '1' };
  const metadata = `workspaceId ${Buffer.from(workspace.id).toString('base64')},path ${Buffer.from('up').toString('base64')}`;
  const ask = (path: string, options: Parameters<Person['fetch']>[1]) => who.fetch(path, options);
  const subscription = encodeURIComponent('subscription { events { name } }');
  const edges = {
    list: () => ask('/files', {}),
    read: () => ask(`/files/${file.id}`, {}),
    write: () =>
      ask('/workspaces', {
        method: 'POST',
        body: { data: { type: 'workspaces', attributes: { name: 'x' } } },
      }),
    once: () =>
      ask('/workspaces', {
        method: 'POST',
        headers: { 'idempotency-key': 'c2' },
        body: { data: { type: 'workspaces', attributes: { name: 'x' } } },
      }),
    content: () => ask(`/files/${file.id}/content`, {}),
    put: () =>
      ask(`/files/${file.id}/content`, {
        method: 'PUT',
        headers: { 'content-type': 'text/plain' },
        raw: 'x',
      }),
    operations: () =>
      ask('/operations', {
        method: 'POST',
        headers: { 'content-type': atomic },
        raw: JSON.stringify({
          'atomic:operations': [{ op: 'remove', ref: { type: 'files', id: file.id } }],
        }),
      }),
    upload: () =>
      ask('/uploads', { method: 'POST', headers: { ...tus, 'upload-metadata': metadata } }),
    graphql: () =>
      ask('/api/graphql', { method: 'POST', headers: json, raw: '{"query":"{ me { id } }"}' }),
    sse: () =>
      ask(`/api/graphql?query=${subscription}`, { headers: { accept: 'text/event-stream' } }),
    stream: () => ask('/events/stream', {}),
    me: () => ask('/users/me', {}),
    health: () => ask('/health', {}),
  };
  // Asked before as well: what is known of the credential must not outlive the membership.
  for (const name of ['list', 'me', 'graphql'] as const)
    expect((await edges[name]()).status).toBe(200);
  await fine(owner.delete(`/user-teams/${record.id}`));
  for (const [name, edge] of Object.entries(edges)) {
    const answer = await edge();
    const { errors } = (await answer.json()) as {
      errors: { code?: string; extensions?: { code: string } }[];
    };
    const code = errors[0]!.code ?? errors[0]!.extensions!.code;
    expect([name, answer.status, code]).toEqual([name, 403, 'not_a_member']);
  }
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([4403, 'not_a_member']);
  expect((await left).reason).toBe('not_a_member');
  editor.leave();
  const own = new Person(server.url, who.token);
  expect((await own.get('/users/me')).status).toBe(200);
  expect(
    (await act('refresh', { refreshToken: who.refreshToken }, new Person(server.url))).status,
  ).toBe(200);
});

test('A5.53 after a change of password the old session fails everywhere, and keys unless they are to stay', async () => {
  const person = await member();
  const old = await signIn(person);
  const key = (await keyOf(person, {})).who;
  const [slug, place] = [
    (await owner.get(`/teams/${owner.team}`)).body.data.attributes.slug,
    workspace.attributes.slug,
  ];
  const file = await owner.file(workspace, 'session.md', 'One.\n');
  const ways = async (who: Person) => {
    const headers: Record<string, string> = who === key ? {} : { 'kyozo-team': owner.team };
    const graph = await who.fetch('/api/graphql', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      raw: JSON.stringify({ query: '{ workspaces { totalCount } }' }),
    });
    const told = (await graph.json()) as { errors?: unknown };
    const basic = { authorization: `Basic ${Buffer.from(`x:${who.token}`).toString('base64')}` };
    const git = await fetch(
      `${server.url}/git/${slug}/${place}.git/info/refs?service=git-upload-pack`,
      { headers: basic },
    );
    await git.text();
    const editor = new Editor(server.url, who.token!, file.id);
    await until(() => editor.isSaved || editor.refused !== undefined);
    editor.leave();
    return {
      jsonApi: (await who.get('/workspaces', headers)).status === 200,
      graphql: graph.status === 200 && told.errors === undefined,
      git: git.status === 200,
      socket: editor.refused === undefined,
    };
  };
  const all = { jsonApi: true, graphql: true, git: true, socket: true };
  const none = { jsonApi: false, graphql: false, git: false, socket: false };
  expect([await ways(old), await ways(key)]).toEqual([all, all]);
  const changed = {
    currentPassword: password,
    password: 'another horse battery',
    revokeApiKeys: false,
  };
  const { body } = await act('change-password', changed, person);
  expect([await ways(old), await ways(person), await ways(key)]).toEqual([none, none, all]);
  expect((await act('refresh', { refreshToken: person.refreshToken }, person)).status).toBe(401);
  const now = new Person(server.url, body.meta.accessToken as string);
  expect(await ways(now)).toEqual(all);
  const again = { currentPassword: changed.password, password };
  expect((await act('change-password', again, now)).status).toBe(200);
  expect([await ways(now), await ways(key)]).toEqual([none, none]);
});
