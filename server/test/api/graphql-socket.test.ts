import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let address: string;
beforeAll(async () => {
  server = await startServer();
  address = `${server.url.replace('http', 'ws')}/api/graphql`;
  ann = await register(server.url);
});
afterAll(() => server.stop());

type Message = { type: string; id?: string; payload?: unknown };

/** A socket without a client that would keep the rules for us. */
class Raw {
  readonly socket: WebSocket;
  readonly #messages: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string; at: number }>;
  #wake = () => {};

  constructor(protocols: string | string[] = 'graphql-transport-ws', headers = {}) {
    this.socket = new WebSocket(address, protocols, { headers });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) =>
        resolve({ code, reason: String(reason), at: Date.now() }),
      );
    });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      this.#messages.push(JSON.parse(String(data)));
      this.#wake();
    });
  }

  async opened(): Promise<this> {
    if (this.socket.readyState !== WebSocket.OPEN) {
      await new Promise((resolve) => this.socket.once('open', resolve));
    }
    return this;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async next(): Promise<Message> {
    while (this.#messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift()!;
  }
}

async function connected(person = ann, parameters: object = {}): Promise<Raw> {
  const raw = await new Raw().opened();
  raw.send({
    type: 'connection_init',
    payload: { authorization: `Bearer ${person.token}`, ...parameters },
  });
  expect(await raw.next()).toEqual({ type: 'connection_ack' });
  return raw;
}

const ask = (id: string, query: string, variables?: object) => ({
  ...{ type: 'subscribe', id, payload: { query, variables } },
});

function clientOf(person: Person, more: object = {}): Client {
  return createClient({
    url: address,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${person.token}`, ...more },
  });
}

describe('the protocol', () => {
  test('ping is answered by pong before and after the acknowledgement', async () => {
    const raw = await new Raw().opened();
    raw.send({ type: 'ping', payload: { at: 1 } });
    expect(await raw.next()).toMatchObject({ type: 'pong' });
    raw.send({ type: 'connection_init', payload: { authorization: ann.token } });
    expect(await raw.next()).toEqual({ type: 'connection_ack' });
    raw.send({ type: 'ping' });
    expect(await raw.next()).toEqual({ type: 'pong' });
    raw.socket.close();
  });

  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['no object', '7'],
    ['no type', {}],
    ['an unknown type', { type: 'start' }],
    ['subscribe without id', { type: 'subscribe', payload: { query: '{ me { id } }' } }],
    ['subscribe without a payload', { type: 'subscribe', id: '1' }],
    ['subscribe with an empty id', { type: 'subscribe', id: '', payload: { query: '{ a }' } }],
    ['variables that are no object', ask('1', '{ me { id } }', 'x' as never)],
  ])('4400 for %s', async (_name, message) => {
    const raw = await connected();
    raw.send(message);
    expect((await raw.closed).code).toBe(4400);
  });

  test('4401 for subscribe before the acknowledgement', async () => {
    const raw = await new Raw().opened();
    raw.send(ask('1', '{ me { id } }'));
    expect((await raw.closed).code).toBe(4401);
  });

  test('4408 without connection_init in time', async () => {
    const raw = await new Raw().opened();
    expect((await raw.closed).code).toBe(4408);
  });

  test('4409 for an id that is in use, not for one that has ended', async () => {
    const raw = await connected();
    raw.send(ask('1', '{ me { id } }'));
    expect((await raw.next()).type).toBe('next');
    expect(await raw.next()).toEqual({ type: 'complete', id: '1' });
    raw.send(ask('1', 'subscription { events { id } }'));
    raw.send(ask('1', 'subscription { events { id } }'));
    expect((await raw.closed).code).toBe(4409);
  });

  test('4429 for a second connection_init', async () => {
    const raw = await connected();
    raw.send({ type: 'connection_init' });
    expect((await raw.closed).code).toBe(4429);
  });

  test('4406 for another protocol, or none; ours is chosen among several', async () => {
    expect((await new Raw('graphql-ws').closed).code).toBe(4406);
    expect((await new Raw([]).closed).code).toBe(4406);
    const raw = await new Raw(['graphql-ws', 'graphql-transport-ws']).opened();
    expect(raw.socket.protocol).toBe('graphql-transport-ws');
    raw.socket.close();
  });

  test('a message over the limit ends the socket, and not the server', async () => {
    const raw = await connected();
    raw.send('x'.repeat(server.config.messageLimit + 1));
    expect((await raw.closed).code).toBe(1009);
    expect((await ann.get('/users/me')).status).toBe(200);
  });
});

describe('who speaks', () => {
  test.each<[string, object | undefined]>([
    ['nobody', undefined],
    ['an empty credential', { authorization: '' }],
    ['a wrong credential', { authorization: 'Bearer wrong' }],
    ['a credential that is no text', { authorization: { toString: 'x' } }],
    ['a team that is not theirs', { team: '01890a5d-ac96-774b-bcce-b302099a8057' }],
  ])('4403 for %s', async (name, payload) => {
    const raw = await new Raw().opened();
    const parameters =
      payload && 'team' in payload ? { authorization: ann.token, ...payload } : payload;
    raw.send({ type: 'connection_init', payload: parameters });
    expect([name, (await raw.closed).code]).toEqual([name, 4403]);
  });

  test('the credential of the upgrade is not that of the connection', async () => {
    const raw = new Raw('graphql-transport-ws', { authorization: `Bearer ${ann.token}` });
    await raw.opened();
    raw.send({ type: 'connection_init' });
    expect((await raw.closed).code).toBe(4403);
  });

  test('another site’s page may not open a socket', async () => {
    const raw = new Raw('graphql-transport-ws', { origin: 'https://evil.example' });
    expect((await raw.closed).code).toBe(4403);
    const own = await new Raw('graphql-transport-ws', { origin: server.url }).opened();
    own.send({ type: 'connection_init', payload: { authorization: ann.token } });
    expect((await own.next()).type).toBe('connection_ack');
    own.socket.close();
  });

  test('connectionParams.team names the team, as Kyozo-Team does', async () => {
    const team = (await ann.post('/teams', 'teams', { name: 'Second' })).body.data.id;
    const query =
      '{ teams(filter: { personal: { eq: false } }) { edges { node { id } } } me { id } }';
    for (const [parameters, role] of [
      [{ team }, 'Second'],
      [{}, 'own'],
    ] as const) {
      const raw = await connected(ann, parameters);
      raw.send(
        ask('1', `mutation { createWorkspace(input: { name: "${role}" }) { result { id } } }`),
      );
      const { payload } = (await raw.next()) as {
        payload: { data: Record<string, { result: { id: string } }> };
      };
      const { id } = payload.data.createWorkspace!.result;
      const [row] = await server.query<{ team_id: string }>(
        'select team_id from workspaces where id = $1',
        [id],
      );
      expect(row!.team_id === team).toBe('team' in parameters);
      raw.socket.close();
    }
    expect((await ann.graphql(query)).errors).toBeUndefined();
  });

  test.each<
    [
      string,
      (person: Person) => Promise<{ person: Person; team?: string; end: () => Promise<unknown> }>,
    ]
  >([
    [
      'a session that is signed out',
      async (person) => ({
        person,
        end: () => person.request('/users/sign-out', { method: 'POST' }),
      }),
    ],
    [
      'a key that is revoked',
      async (person) => {
        const key = await person.key('write');
        const { body } = await person.get<RecordObject[]>('/api-keys');
        return { person: key, end: () => person.delete(`/api-keys/${body.data[0]!.id}`) };
      },
    ],
    [
      'a membership that ends',
      async (person) => {
        const team = (await ann.post('/teams', 'teams', { name: 'Shared' })).body.data.id;
        await server.query(
          `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
          [team, person.id],
        );
        const leave = 'delete from user_teams where user_id = $1 and team_id = $2';
        return { person, team, end: () => server.query(leave, [person.id, team]) };
      },
    ],
  ])('%s ends the socket within a second, busy or idle', async (_name, credential) => {
    const { person, end, team } = await credential(await register(server.url, 'Zoe'));
    const [idle, busy] = [await connected(person, { team }), await connected(person, { team })];
    busy.send(ask('1', 'subscription { events { id } }'));
    const before = Date.now();
    await end();
    for (const raw of [idle, busy]) {
      const { code, at } = await raw.closed;
      expect(code).toBe(4403);
      expect(at - before).toBeLessThan(1_500);
    }
  });
});

describe('operations', () => {
  test('queries, mutations and errors by the real client', async () => {
    const client = clientOf(ann);
    const once = async (query: string) => {
      const results: unknown[] = [];
      for await (const result of client.iterate({ query })) results.push(result);
      return results;
    };
    expect(await once('{ me { id } }')).toEqual([{ data: { me: { id: ann.id } } }]);
    const name = `By socket ${Math.random()}`;
    expect(
      await once(`mutation { createWorkspace(input: { name: "${name}" }) { result { name } } }`),
    ).toEqual([{ data: { createWorkspace: { result: { name } } } }]);
    await expect(once('{ me { nothing } }')).rejects.toMatchObject([
      { message: expect.stringContaining('nothing'), extensions: { code: 'malformed' } },
    ]);
    expect(await once('{ files(first: 101) { totalCount } }')).toMatchObject([
      { data: null, errors: [{ extensions: { code: 'malformed' } }] },
    ]);
    await client.dispose();
  });

  test('limits hold before anything runs, with the numbers', async () => {
    const raw = await connected();
    const many = Array.from({ length: 101 }, (_, at) => `a${at}: id`).join(' ');
    raw.send(ask('1', `subscription { events { ${many} } }`));
    expect(await raw.next()).toMatchObject({
      ...{ type: 'error', id: '1' },
      payload: [{ extensions: { code: 'too_large', limit: 'aliases', most: 100, asked: 101 } }],
    });
    const wide = 'versions(first: 100) { edges { node { id } } }';
    raw.send(
      ask(
        '2',
        `subscription { fileChanged { file { workspace { files(first: 100) { edges { node { ${wide} workspace { files(first: 100) { edges { node { id } } } } } } } } } } }`,
      ),
    );
    expect(await raw.next()).toMatchObject({
      ...{ type: 'error', id: '2' },
      payload: [{ extensions: { code: 'too_large', limit: 'cost', most: 20_000 } }],
    });
    raw.socket.close();
  });

  test('a socket runs a hundred operations at once, and takes a new one when one ends', async () => {
    const raw = await connected();
    for (let id = 1; id <= 101; id++) raw.send(ask(`${id}`, 'subscription { events { id } }'));
    expect(await raw.next()).toMatchObject({
      ...{ type: 'error', id: '101' },
      payload: [{ extensions: { code: 'too_many' } }],
    });
    raw.send({ type: 'complete', id: '1' });
    raw.send(ask('102', '{ __typename }'));
    expect(await raw.next()).toMatchObject({ type: 'next', id: '102' });
    raw.socket.close();
  });

  test('guessing a password is counted together with the other APIs', async () => {
    const small = await startServer({ signInsPerMinute: 3 });
    try {
      const bob = await register(small.url, 'Bob');
      const client = createClient({
        ...{ url: `${small.url.replace('http', 'ws')}/api/graphql`, webSocketImpl: WebSocket },
        connectionParams: { authorization: bob.token },
      });
      const codes: string[] = [];
      const query = `mutation { signIn(input: { email: "${bob.email}", password: "wrong" }) { errors { code } } }`;
      for (let at = 0; at < 5; at++) {
        for await (const { data } of client.iterate<{ signIn: { errors: { code: string }[] } }>({
          query,
        })) {
          codes.push(data!.signIn.errors[0]!.code);
        }
      }
      expect(codes.slice(-2)).toEqual(['too_many', 'too_many']);
      await client.dispose();
    } finally {
      await small.stop();
    }
  });

  test('`complete` ends a subscription: nothing more comes, and nothing listens', async () => {
    const raw = await connected();
    // From the log's beginning: whether the workspace is made before or after it begins is all one.
    const made = await ann.workspace();
    const query = `subscription { workspaceChanged(id: "${made.id}", after: "0-0") { name } }`;
    raw.send(ask('1', query));
    expect(await raw.next()).toEqual({
      ...{ type: 'next', id: '1' },
      payload: { data: { workspaceChanged: { name: 'workspace.created' } } },
    });
    raw.send({ type: 'complete', id: '1' });
    raw.send({ type: 'ping' });
    expect(await raw.next()).toEqual({ type: 'pong' });
    await ann.patch(`/workspaces/${made.id}`, made, { name: 'Changed' });
    raw.send(ask('2', '{ __typename }'));
    expect(await raw.next()).toMatchObject({ type: 'next', id: '2' });
    raw.socket.close();
  });
});
