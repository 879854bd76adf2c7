import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, register } from '../../support/api.ts';
import { startServer, type TestServer } from '../../support/server.ts';

let server: TestServer;
let ann: Person;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

const make = (name: string, key: string, who = ann, type = 'workspaces') =>
  who.request(`/${type}`, {
    method: 'POST',
    headers: { 'idempotency-key': key },
    body: {
      data: { type, attributes: { name, ...(type === 'api-keys' ? { scopes: ['read'] } : {}) } },
    },
  });
const count = async (table: string, name: string) =>
  Number(
    (
      await server.query<{ n: string }>(`select count(*) n from ${table} where name = $1`, [name])
    )[0]!.n,
  );

test('a repeat gets the first answer, and nothing is done twice', async () => {
  const key = randomUUID();
  const first = await make('Once', key);
  const again = await make('Once', key);
  expect(again.status).toBe(201);
  expect(again.body).toEqual(first.body);
  expect(again.headers.get('location')).toBe(first.headers.get('location'));
  expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  expect(await count('workspaces', 'Once')).toBe(1);
});

test('twenty at once make one', async () => {
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => make('Storm', key)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1);
  expect(await count('workspaces', 'Storm')).toBe(1);
});

test('another body with the same key is refused', async () => {
  const key = randomUUID();
  await make('Mine', key);
  const other = await make('Other', key);
  expect([other.status, other.body.errors[0]!.source]).toEqual([
    422,
    { header: 'Idempotency-Key' },
  ]);
  expect(await count('workspaces', 'Other')).toBe(0);
});

test('a request that was refused leaves the key free', async () => {
  const key = randomUUID();
  expect((await make('', key)).status).toBe(422);
  expect((await make('Now', key)).status).toBe(201);
});

test("one person's key says nothing of another's", async () => {
  const bob = await register(server.url, 'Bob');
  const key = randomUUID();
  const hers = await make('Same', key);
  const his = await make('Same', key, bob);
  expect(his.status).toBe(201);
  expect(his.body.data.id).not.toBe(hers.body.data.id);
});

test('what no transaction can hold is done once too', async () => {
  const key = randomUUID();
  const [first, again] = [
    await make('Crew', key, ann, 'teams'),
    await make('Crew', key, ann, 'teams'),
  ];
  expect([first.status, again.status]).toEqual([201, 201]);
  expect(again.body.data.id).toBe(first.body.data.id);
  expect(await count('teams', 'Crew')).toBe(1);
});

test('while the first one runs, or was cut off, the second is told so', async () => {
  const key = randomUUID();
  await make('Cut', key, ann, 'teams');
  await server.query(
    "update idempotency_keys set answer = null where inserted_at > now() - interval '1 minute' and answer is not null",
  );
  expect((await make('Cut', key, ann, 'teams')).status).toBe(409);
  expect(await count('teams', 'Cut')).toBe(1);
});

test('a secret that is shown once does not lie open in the database', async () => {
  const key = randomUUID();
  const made = await make('Secret', key, ann, 'api-keys');
  const again = await make('Secret', key, ann, 'api-keys');
  expect(again.body.meta.key).toBe(made.body.meta.key);
  const rows = await server.query<{ answer: Buffer }>(
    'select answer from idempotency_keys where answer is not null',
  );
  const secret = String(made.body.meta.key);
  expect(
    rows.some(({ answer }) => answer.includes(secret) || answer.includes(secret.slice(10, 30))),
  ).toBe(false);
});

test('after a day a key is forgotten', async () => {
  const key = randomUUID();
  await make('Yesterday', key);
  await server.query("update idempotency_keys set inserted_at = now() - interval '25 hours'");
  expect((await make('Yesterday', key)).headers.get('idempotent-replayed')).toBeNull();
  expect(await count('workspaces', 'Yesterday')).toBe(2);
});

test.each(['', ' ', 'x'.repeat(256)])('the key %j is no key', async (key) => {
  const answer = await make('Bad', key);
  expect([answer.status, answer.body.errors[0]!.source]).toEqual([
    400,
    { header: 'Idempotency-Key' },
  ]);
});
