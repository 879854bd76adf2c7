import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

const password = 'correct horse battery';

/** Where the server says that a session was opened from, when the request claims to be passed on. */
async function addressSeen(server: TestServer, forwarded: string): Promise<unknown> {
  const ann = await register(server.url);
  const { body } = await new Person(server.url).request('/users/sign-in', {
    method: 'POST',
    headers: { 'x-forwarded-for': forwarded },
    body: { data: { type: 'users', attributes: { email: ann.email, password } } },
  });
  const there = new Person(server.url, body.meta.accessToken as string);
  const sessions = (await there.get<RecordObject[]>('/sessions')).body.data;
  return sessions.find(({ attributes }) => attributes.current)!.attributes.ipAddress;
}

describe('behind a proxy that is named', () => {
  let server: TestServer;
  beforeAll(async () => {
    const { trustProxy } = readConfig({ TRUST_PROXY: '127.0.0.1, 10.0.0.0/8' });
    server = await startServer({ trustProxy, signInsPerMinute: 2 });
  });
  afterAll(() => server.stop());

  test.each([
    ['203.0.113.9', '203.0.113.9'],
    // What the client itself has put before it is not believed, however trusted it looks.
    ['127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['10.1.1.1, 203.0.113.9, 10.2.2.2', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
  ])('X-Forwarded-For: %s comes from %s', async (forwarded, address) => {
    expect(await addressSeen(server, forwarded)).toBe(address);
  });

  test('limits count each client for itself', async () => {
    const guess = async (client: string, index: number) => {
      const email = `n${index}@example.com`;
      const { status } = await new Person(server.url).request('/users/sign-in', {
        method: 'POST',
        headers: { 'x-forwarded-for': client },
        body: { data: { type: 'users', attributes: { email, password: 'wrong' } } },
      });
      return status;
    };
    const answers = [];
    for (let index = 0; index < 22; index++) answers.push(await guess('198.51.100.1', index));
    expect(answers.slice(18)).toEqual([401, 401, 429, 429]);
    expect(await guess('198.51.100.2', 99)).toBe(401);
  });
});

test.each([
  ['unset', undefined],
  ['another machine', '192.0.2.1'],
])('with TRUST_PROXY %s nobody is believed', async (_name, value) => {
  const { trustProxy } = readConfig({ TRUST_PROXY: value });
  const server = await startServer({ trustProxy });
  try {
    expect(await addressSeen(server, '203.0.113.9')).toBe('127.0.0.1');
  } finally {
    await server.stop();
  }
});

test.each([
  'true',
  '1',
  '*',
  'loopback',
  'proxy.local',
  '10.0.0.0/0',
  '10.0.0.0/33',
  '10.0.0.0/8/8',
  '::/129',
  '1.2.3',
])('TRUST_PROXY=%s stops the start with its name', (value) => {
  expect(() => readConfig({ TRUST_PROXY: value })).toThrow(ConfigError);
  expect(() => readConfig({ TRUST_PROXY: value })).toThrow('TRUST_PROXY');
});
