import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, serve } from '../../src/main.ts';
import { Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let other: Running;
beforeAll(async () => {
  server = await startServer({ signInsPerMinute: 6, metricsToken: 'a token for metrics' });
  const dataDir = `${server.dataDir}/other`;
  await mkdir(dataDir);
  other = await serve({ ...server.config, dataDir });
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

const act = (url: string, path: string, attributes: object) =>
  new Person(url).post(`/users/${path}`, 'users', attributes);
const codes = (answers: { body: { errors: { code: string }[] } }[], code: string) =>
  answers.filter(({ body }) => body?.errors[0]?.code === code).length;

test('wrong passwords are counted over all nodes', async () => {
  const ann = await register(server.url);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      act(index % 2 ? server.url : other.url, 'sign-in', { email: ann.email, password: 'wrong' }),
    ),
  );
  expect([codes(answers, 'unauthenticated'), codes(answers, 'too_many')]).toEqual([6, 14]);
  const password = 'correct horse battery';
  expect((await act(other.url, 'sign-in', { email: ann.email, password })).status).toBe(429);
});

test('B3 whoever is signed in is locked out by nobody else, and guesses as seldom as others', async () => {
  const ann = await register(server.url);
  const bob = await register(server.url);
  const password = 'correct horse battery';
  const change = (person: Person, currentPassword: string) =>
    person.post('/users/change-password', 'users', { currentPassword, password });
  for (let index = 0; index < 8; index++)
    await act(server.url, 'sign-in', { email: ann.email, password: 'wrong' });
  expect((await act(server.url, 'sign-in', { email: ann.email, password })).status).toBe(429);
  expect((await change(ann, password)).status).toBe(200);
  const guesses = [];
  for (let index = 0; index < 8; index++) guesses.push(await change(bob, `guess ${index}`));
  expect([codes(guesses, 'unauthenticated'), codes(guesses, 'too_many')]).toEqual([6, 2]);
  expect((await bob.get('/users/me')).status).toBe(200);
});

test('one client guesses only so often, over all addresses', async () => {
  await server.query('delete from attempts');
  const answers = [];
  for (let index = 0; index < 65; index++)
    answers.push(
      await act(server.url, 'sign-in', { email: `n${index}@example.com`, password: 'wrong' }),
    );
  expect([codes(answers, 'unauthenticated'), codes(answers, 'too_many')]).toEqual([60, 5]);
});

test.each(['forgot-password', 'send-confirmation'])(
  '%s is limited for one address, whether anyone has it or not',
  async (path) => {
    const ann = await register(server.url);
    for (const email of [ann.email, `${path}@example.com`]) {
      await server.query('delete from attempts');
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => act(server.url, path, { email })),
      );
      expect(answers.filter(({ status }) => status === 202)).toHaveLength(6);
      expect(codes(answers, 'too_many')).toBe(4);
    }
  },
);

test('made-up tokens of mails are limited for one client', async () => {
  await server.query('delete from attempts');
  const answers = await Promise.all(
    Array.from({ length: 80 }, (_, index) =>
      index % 2
        ? act(server.url, 'confirm', { token: `x${index}` })
        : act(other.url, 'reset-password', { token: `x${index}`, password: 'correct horse' }),
    ),
  );
  expect([codes(answers, 'invalid'), codes(answers, 'too_many')]).toEqual([60, 20]);
});

test('metrics are for whoever has the token', async () => {
  const metrics = (authorization?: string) =>
    fetch(`${server.url}/metrics`, { headers: authorization ? { authorization } : {} });
  expect((await metrics()).status).toBe(401);
  expect((await metrics('Bearer another')).status).toBe(401);
  const answer = await metrics('Bearer a token for metrics');
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('nodejs_')]);
});
