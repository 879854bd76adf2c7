import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sink, startSmtp } from '../mail/smtp.ts';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { plain, tokenTo } from './mails.ts';

let sink: Sink;
let server: TestServer;
let nobody: Person;
beforeAll(async () => {
  sink = await startSmtp();
  server = await startServer({ smtpUrl: sink.url, signInsPerMinute: 1_000 });
  nobody = new Person(server.url);
});
afterAll(async () => {
  await server.stop();
  await sink.close();
});

const password = 'correct horse battery';
const other = 'another horse battery';
const address = () => `${randomBytes(6).toString('hex')}@example.com`;
const act = (path: string, attributes: object, person = nobody) =>
  person.post(`/users/${path}`, 'users', attributes);
const signIn = (email: string, secret = password) => act('sign-in', { email, password: secret });
const me = async (person: Person) => (await person.get('/users/me')).status;
/** A person who is signed in, whose first mail has been read. */
async function somebody(): Promise<Person> {
  const person = await register(server.url);
  await tokenTo(sink, person.email, 'confirm');
  return person;
}
const confirmed = async () => {
  const person = await somebody();
  await server.query('update users set email_verified = true where id = $1', [person.id]);
  return person;
};
const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).sort();

describe('where confirmation is required', () => {
  let strict: TestServer;
  let person: Person;
  beforeAll(async () => {
    strict = await startServer({ smtpUrl: sink.url, confirmation: 'required' });
    person = new Person(strict.url);
  });
  afterAll(() => strict.stop());

  test('an account opens once its address is confirmed, and not before', async () => {
    const email = address();
    const made = await act('register', { name: 'Ann', email, password }, person);
    expect([made.status, made.body.data.type, made.body.meta]).toEqual([
      201,
      'users',
      { confirmation: 'required' },
    ]);
    const early = await act('sign-in', { email, password }, person);
    expect([early.status, early.body.errors[0]!.code]).toEqual([401, 'unauthenticated']);
    expect((await act('sign-in', { email, password: other }, person)).status).toBe(401);
    const token = await tokenTo(sink, email, 'confirm');
    expect((await act('confirm', { token }, person)).status).toBe(204);
    const late = await act('sign-in', { email, password }, person);
    expect(late.status).toBe(200);
    expect(late.body.data.attributes).toMatchObject({ emailVerified: true });
  });

  test('nothing that the answer to registration showed can be used', async () => {
    const email = address();
    const made = await act('register', { name: 'Ann', email, password }, person);
    const sessions = 'select 1 from sessions where user_id = $1';
    expect(await strict.query(sessions, [made.body.data.id])).toEqual([]);
  });

  describe('S4 signing in does not say whether an address was free when one registered with it', () => {
    const signInMutation =
      'mutation ($input: SignInInput!) { signIn(input: $input) { result { id } errors { code message } } }';
    const answers = async (input: { email: string; password: string }) => {
      const { status, body, headers } = await act('sign-in', input, person);
      const { data } = await person.graphql(signInMutation, { input });
      return { status, body, headers: [...headers.keys()].sort(), data };
    };
    const confirmationsTo = (email: string) =>
      sink.received.filter((it) => it.to.includes(email) && plain(it).includes('/confirm#token'));
    const mailed = () =>
      expect
        .poll(() =>
          strict.query(
            `select 1 from jobs.job where name = 'mail-person' and state in ('created', 'retry', 'active')`,
          ),
        )
        .toEqual([]);

    test('both are refused alike over both APIs, and the one that was free is mailed', async () => {
      const [taken, free] = [address(), address()];
      await act('register', { name: 'Ann', email: taken, password }, person);
      await act('confirm', { token: await tokenTo(sink, taken, 'confirm') }, person);
      for (const email of [taken, free])
        await act('register', { name: 'Eve', email, password: other }, person);
      const [ofTaken, ofFree] = [
        await answers({ email: taken, password: other }),
        await answers({ email: free, password: other }),
      ];
      expect(ofFree).toEqual(ofTaken);
      expect(ofFree.status).toBe(401);
      expect(ofFree.body.errors[0]!.detail).toMatch(/password.*confirmed.*mail/);
      await mailed();
      expect(confirmationsTo(taken)).toHaveLength(0);
      // One of the registration, one for each way of signing in.
      expect(confirmationsTo(free)).toHaveLength(3);
      const token = await tokenTo(sink, free, 'confirm');
      expect((await act('confirm', { token }, person)).status).toBe(204);
      expect((await act('sign-in', { email: free, password: other }, person)).status).toBe(200);
    });

    test('a wrong password mails nothing', async () => {
      const email = address();
      await act('register', { name: 'Ann', email, password }, person);
      await act('sign-in', { email, password: other }, person);
      await mailed();
      expect(confirmationsTo(email)).toHaveLength(1);
    });
  });

  describe('B6 registration does not say which addresses exist', () => {
    const register = (email: string, query = '') =>
      person.request(`/users/register${query}`, {
        method: 'POST',
        body: { data: { type: 'users', attributes: { name: ' Ann ', email, password } } },
      });
    /** An answer without what differs from one account to the next. */
    const shape = ({ status, headers, body }: Awaited<ReturnType<typeof register>>) => ({
      status,
      headers: [...headers.keys()].sort(),
      location: headers.get('location')?.replace(body.data.id, 'id'),
      ...{
        meta: body.meta,
        links: JSON.stringify(body.links).replace(body.data.id, 'id'),
        type: body.data.type,
      },
      attributes: Object.entries(body.data.attributes).map(([name, value]) => [
        name,
        /At$/.test(name) ? String(value).replace(/\d/g, '0') : name === 'email' || value,
      ]),
      relationships: Object.keys(body.data.relationships ?? {}),
    });
    const total = async () =>
      (await strict.query<{ n: string }>('select count(*) as n from users'))[0]!.n;

    test('an address that somebody has confirmed is answered like a new one, and is mailed', async () => {
      const email = address();
      const first = await register(email);
      await act('confirm', { token: await tokenTo(sink, email, 'confirm') }, person);
      const before = await total();
      const again = await register(email.toUpperCase());
      expect(await total()).toBe(before);
      expect(shape(again)).toEqual(shape(first));
      expect(again.body.data.attributes.email).toBe(email);
      expect(again.body.data.id).not.toBe(first.body.data.id);
      const told = await sink.next(
        ({ to, text }) => to.includes(email) && text.includes('already'),
      );
      expect(told.text).toContain('Subject: You have an account already');
      expect(told.text).not.toContain('token=');
      expect((await act('sign-in', { email, password }, person)).status).toBe(200);
      const included = [
        await register(address(), '?include=teams'),
        await register(email, '?include=teams'),
      ];
      expect(included[0]!.status).toBe(included[1]!.status);
    });

    test('one that was never confirmed is its owner’s by a mail, and its first user’s password is dead', async () => {
      const email = address();
      await register(email);
      await tokenTo(sink, email, 'confirm');
      const again = await act('register', { name: 'Owner', email, password: other }, person);
      expect([again.status, again.body.meta]).toEqual([201, { confirmation: 'required' }]);
      const token = await tokenTo(sink, email, 'reset-password');
      expect(
        (await act('reset-password', { token, password: 'a third horse' }, person)).status,
      ).toBe(204);
      const statuses = [];
      for (const secret of [password, other, 'a third horse'])
        statuses.push((await act('sign-in', { email, password: secret }, person)).status);
      expect(statuses).toEqual([401, 401, 200]);
    });

    test('of ten at once all are answered alike, and one account is made', async () => {
      const email = address();
      const answers = await Promise.all(Array.from({ length: 10 }, () => register(email)));
      expect(new Set(answers.map((answer) => JSON.stringify(shape(answer)))).size).toBe(1);
      const rows = await strict.query('select 1 from users where email = $1', [email]);
      expect(rows).toHaveLength(1);
    });
  });
});

test('settings: required with SMTP, optional without, or as it is said', async () => {
  const { readConfig } = await import('../../src/config.ts');
  const of = (environment: object) =>
    readConfig({ DATA_DIR: server.dataDir, SECRET_KEY: 'k'.repeat(32), ...environment })
      .confirmation;
  expect(of({})).toBe('optional');
  expect(of({ SMTP_URL: 'smtp://mail.example.com' })).toBe('required');
  expect(of({ SMTP_URL: 'smtp://mail.example.com', AUTH_CONFIRMATION: 'optional' })).toBe(
    'optional',
  );
  expect(() => of({ AUTH_CONFIRMATION: 'yes' })).toThrow('AUTH_CONFIRMATION');
});

describe('a token of a mail', () => {
  const ways: [string, string, string, (token: string) => Promise<{ status: number }>][] = [
    ['confirmation', 'send-confirmation', 'confirm', (token) => act('confirm', { token })],
    [
      'reset',
      'forgot-password',
      'reset-password',
      (token) => act('reset-password', { token, password: other }),
    ],
  ];

  test.each(ways)('%s: of fifty uses at once one succeeds', async (_kind, ask, page, use) => {
    const ann = await somebody();
    expect((await act(ask, { email: ann.email })).status).toBe(202);
    const token = await tokenTo(sink, ann.email, page);
    const answers = await Promise.all(Array.from({ length: 50 }, () => use(token)));
    expect(statuses(answers)).toEqual([204, ...Array(49).fill(422)]);
    expect((await use(token)).status).toBe(422);
  });

  test.each(ways)('%s: none is stored, and none lies in a job', async (_kind, ask, page) => {
    const ann = await somebody();
    await act(ask, { email: ann.email });
    const token = await tokenTo(sink, ann.email, page);
    const [row] = await server.query<{ tokens: string; jobs: string }>(
      `select (select json_agg(t)::text from one_time_tokens t) as tokens,
         (select json_agg(j)::text from jobs.job_common j) as jobs`,
    );
    expect(row!.tokens.length).toBeGreaterThan(10);
    expect(row!.tokens).not.toContain(token);
    expect(row!.jobs).not.toContain(token);
    expect(row!.tokens).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
  });

  test.each(ways)(
    '%s: its time ends, and it is not good for the other',
    async (kind, ask, page, use) => {
      const ann = await somebody();
      await act(ask, { email: ann.email });
      const token = await tokenTo(sink, ann.email, page);
      const [row] = await server.query<{ seconds: number }>(
        `select extract(epoch from expires_at - inserted_at)::integer as seconds
       from one_time_tokens where user_id = $1 and kind = $2 order by inserted_at desc limit 1`,
        [ann.id, kind],
      );
      expect(row!.seconds).toBe(kind === 'reset' ? 3_600 : 3 * 86_400);
      const foreign = kind === 'reset' ? ways[0]! : ways[1]!;
      expect((await foreign[3](token)).status).toBe(422);
      await server.query(
        `update one_time_tokens set expires_at = now() - interval '1 second' where user_id = $1`,
        [ann.id],
      );
      expect((await use(token)).status).toBe(422);
    },
  );

  test.each<[unknown]>([[''], ['nonsense'], ['x'.repeat(5_000)], [null], [['a']], [{}], [7]])(
    '%j is the request’s fault',
    async (token) => {
      expect((await act('confirm', { token })).status).toBe(422);
      expect((await act('reset-password', { token, password: other })).status).toBe(422);
    },
  );
});

test.each(['send-confirmation', 'forgot-password'])(
  '%s answers alike for everyone, and mails only whoever has the address',
  async (path) => {
    const ann = await somebody();
    const unknown = address();
    const answers = [];
    for (const email of [unknown, ann.email.toUpperCase(), ann.email])
      answers.push(await act(path, { email }));
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      Array(3).fill([202, undefined]),
    );
    const names = (headers: Headers) => [...headers.keys()].sort();
    expect(names(answers[0]!.headers)).toEqual(names(answers[2]!.headers));
    const page = path === 'forgot-password' ? 'reset-password' : 'confirm';
    await tokenTo(sink, ann.email, page);
    await tokenTo(sink, ann.email, page);
    expect(sink.received.flatMap(({ to }) => to)).not.toContain(unknown);
  },
);

test.each<[string, unknown]>([
  ['two addresses in a list', ['ann@example.com', 'eve@example.com']],
  ['two addresses in a text', 'ann@example.com,eve@example.com'],
  ['an object', { $ne: '' }],
  ['a header', 'ann@example.com\r\nBcc: eve@example.com'],
  ['a look-alike', 'ann@exampl\u0435.com'],
  ['a letter that folds to k', '\u212aate@example.com'],
  ['a full-width at', 'ann\uff20example.com'],
  ['null', null],
])('%s is no address to mail to', async (_name, email) => {
  const before = sink.received.length;
  for (const path of ['send-confirmation', 'forgot-password'])
    expect((await act(path, { email })).status).toBe(422);
  expect((await act('sign-in', { email, password })).status).toBe(422);
  expect(sink.received.length).toBe(before);
});

describe('resetting a password', () => {
  test('B1 ends every session and the old password; keys end too, unless they are to stay', async () => {
    for (const revokeApiKeys of [undefined, false]) {
      const ann = await confirmed();
      const program = await ann.key('read');
      await act('forgot-password', { email: ann.email });
      await act('forgot-password', { email: ann.email });
      const first = await tokenTo(sink, ann.email, 'reset-password');
      const second = await tokenTo(sink, ann.email, 'reset-password');
      const answer = await act('reset-password', { token: first, password: other, revokeApiKeys });
      expect(answer.status).toBe(204);
      expect(await me(ann)).toBe(401);
      expect((await act('refresh', { refreshToken: ann.refreshToken })).status).toBe(401);
      expect((await signIn(ann.email)).status).toBe(401);
      expect((await signIn(ann.email, other)).status).toBe(200);
      expect((await program.get('/workspaces')).status).toBe(revokeApiKeys === false ? 200 : 401);
      expect((await act('reset-password', { token: second, password })).status).toBe(422);
    }
  });

  test('of an address that was never confirmed takes what its first user left: keys, sessions, a second factor', async () => {
    const mallory = await somebody();
    const program = await mallory.key('write');
    const factor =
      'insert into second_factors (user_id, sealed_secret, enabled_at) values ($1, $2, now())';
    await server.query(factor, [mallory.id, Buffer.from('theirs')]);
    expect((await signIn(mallory.email)).body.errors[0]!.code).toBe('second_factor_required');
    await act('forgot-password', { email: mallory.email });
    const token = await tokenTo(sink, mallory.email, 'reset-password');
    expect((await act('reset-password', { token, password: other })).status).toBe(204);
    expect(await me(mallory)).toBe(401);
    expect((await program.get('/workspaces')).status).toBe(401);
    expect((await signIn(mallory.email)).status).toBe(401);
    const owner = await signIn(mallory.email, other);
    expect(owner.status).toBe(200);
    expect(owner.body.data.attributes.emailVerified).toBe(true);
  });
});

describe('changing the password', () => {
  const change = (person: Person, attributes: object) =>
    act('change-password', { currentPassword: password, password: other, ...attributes }, person);

  test('ends all sessions and answers a pair of a new one', async () => {
    const ann = await confirmed();
    const elsewhere = await signIn(ann.email);
    const program = await ann.key('read');
    const answer = await change(ann, { revokeApiKeys: false });
    expect([answer.status, answer.body.data.id]).toEqual([200, ann.id]);
    const fresh = answer.body.meta as Record<string, string>;
    expect(await me(new Person(server.url, fresh.accessToken))).toBe(200);
    expect(await me(ann)).toBe(401);
    expect(await me(new Person(server.url, elsewhere.body.meta.accessToken as string))).toBe(401);
    for (const refreshToken of [ann.refreshToken, elsewhere.body.meta.refreshToken])
      expect((await act('refresh', { refreshToken })).status).toBe(401);
    expect((await act('refresh', { refreshToken: fresh.refreshToken })).status).toBe(200);
    expect((await program.get('/workspaces')).status).toBe(200);
    expect((await signIn(ann.email)).status).toBe(401);
  });

  test('B1 takes the password as it was, and the keys unless they are to stay', async () => {
    const ann = await confirmed();
    const wrong = await change(ann, { currentPassword: other });
    expect([wrong.status, wrong.body.errors[0]!.source]).toEqual([
      401,
      { pointer: '/data/attributes/currentPassword' },
    ]);
    expect(await me(ann)).toBe(200);
    const program = await ann.key('write');
    expect((await change(program, {})).status).toBe(403);
    expect((await change(ann, {})).status).toBe(200);
    expect((await program.get('/workspaces')).status).toBe(401);
  });
});

describe('changing the address', () => {
  test('is true once it is confirmed where it leads, and the old address is told', async () => {
    const ann = await confirmed();
    const email = address();
    await act('forgot-password', { email: ann.email });
    const reset = await tokenTo(sink, ann.email, 'reset-password');
    const asked = await act('change-email', { email, currentPassword: password }, ann);
    expect([asked.status, asked.body]).toEqual([202, undefined]);
    const told = await sink.next((it) => it.to.includes(ann.email) && plain(it).includes(email));
    expect(told.text).toContain('Subject: Your address is to be changed');
    expect((await signIn(email)).status).toBe(401);
    const token = await tokenTo(sink, email, 'confirm');
    expect((await act('confirm', { token })).status).toBe(204);
    expect((await signIn(ann.email)).status).toBe(401);
    expect((await signIn(email)).body.data.attributes).toMatchObject({
      email,
      emailVerified: true,
    });
    await sink.next((it) => it.to.includes(ann.email) && it.text.includes('has been changed'));
    expect((await act('reset-password', { token: reset, password: other })).status).toBe(422);
    expect(sink.received.filter(({ to }) => to.length !== 1)).toEqual([]);
  });

  test('to an address that somebody has is answered alike, and mails nobody', async () => {
    const ann = await confirmed();
    const bob = await confirmed();
    const answer = await act('change-email', { email: bob.email, currentPassword: password }, ann);
    expect([answer.status, answer.body]).toEqual([202, undefined]);
    await sink.next((it) => it.to.includes(ann.email) && plain(it).includes(bob.email));
    // The jobs of one person's request go in turn with what comes after them.
    await act('forgot-password', { email: ann.email });
    await tokenTo(sink, ann.email, 'reset-password');
    expect(sink.received.filter(({ to }) => to.includes(bob.email))).toEqual([]);
  });

  test('takes the password', async () => {
    const ann = await confirmed();
    const answer = await act('change-email', { email: address(), currentPassword: other }, ann);
    expect(answer.status).toBe(401);
  });
});

describe('deleting the account', () => {
  const remove = (person: Person, currentPassword = password) =>
    act('delete-account', { currentPassword }, person);

  test('takes the person, their teams and all credentials', async () => {
    const ann = await somebody();
    const program = await ann.key('write');
    await ann.workspace();
    expect((await remove(ann, other)).status).toBe(401);
    expect((await remove(program)).status).toBe(403);
    expect((await remove(ann)).status).toBe(204);
    expect(await me(ann)).toBe(401);
    expect((await program.get('/workspaces')).status).toBe(401);
    expect((await signIn(ann.email)).status).toBe(401);
    for (const table of ['users', 'accounts', 'sessions', 'user_teams', 'api_keys']) {
      const column = table === 'users' ? 'id' : 'user_id';
      expect(await server.query(`select 1 from ${table} where ${column} = $1`, [ann.id])).toEqual(
        [],
      );
    }
    expect((await act('register', { name: 'Ann', email: ann.email, password })).status).toBe(201);
  });

  test('waits while others depend on its only owner', async () => {
    const ann = await somebody();
    const bob = await somebody();
    const team = (await ann.post('/teams', 'teams', { name: 'Shared' })).body.data.id;
    await server.query(
      `insert into user_teams (id, team_id, user_id, role) values (gen_random_uuid(), $1, $2, 'member')`,
      [team, bob.id],
    );
    const refused = await remove(ann);
    expect([refused.status, refused.body.errors[0]!.code]).toEqual([409, 'conflict']);
    expect(await me(ann)).toBe(200);
    expect((await remove(bob)).status).toBe(204);
    expect((await remove(ann)).status).toBe(204);
    expect(await server.query('select 1 from teams where id = $1', [team])).toEqual([]);
  });
});
