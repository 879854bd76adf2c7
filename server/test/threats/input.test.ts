import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Sink, startSmtp } from '../mail/smtp.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let sink: Sink;
let ann: Person;
let file: RecordObject;
beforeAll(async () => {
  sink = await startSmtp();
  server = await startServer({
    ...{ smtpUrl: sink.url, confirmation: 'optional', signInsPerMinute: 1_000 },
  });
  ann = await register(server.url);
  file = await ann.file(await ann.workspace(), 'a.md', 'x\n');
});
afterAll(async () => {
  await server.stop();
  await sink.close();
});

const sockets = ['/collaboration', '/api/graphql'];
test.each(sockets)('A1.6 %s opens for no page of another site', async (path) => {
  for (const origin of [
    'https://evil.example',
    'null',
    'http://127.0.0.1:1',
    `${server.url}.evil.example`,
  ]) {
    const socket = new WebSocket(
      server.url.replace('http', 'ws') + path,
      ['graphql-transport-ws'],
      { origin },
    );
    socket.on('error', () => undefined);
    const code = await new Promise((resolve) => socket.once('close', resolve));
    expect([origin, code]).toEqual([origin, 4403]);
  }
});

test('A1.6 there are no other sockets: at any other address an upgrade ends, and nothing is said', async () => {
  for (const path of [
    '/',
    '/api/v1/files',
    '/api/v1/events/stream',
    '/collaboration/',
    '/collaboration/x',
    '/Collaboration',
    '/api/graphql/',
    '/terminal',
  ]) {
    const socket = new WebSocket(server.url.replace('http', 'ws') + path);
    socket.on('error', () => undefined);
    let said = 0;
    socket.on('message', () => {
      said += 1;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect([path, said]).toEqual([path, 0]);
  }
});

const injections = [
  "'",
  "''",
  "' or '1'='1",
  "' or 1=1 --",
  '" or ""="',
  "') or ('1'='1",
  '1; select pg_sleep(5) --',
  "'; select pg_sleep(5); --",
  "' || pg_sleep(5) || '",
  "'||(select pg_sleep(5))||'",
  '$1',
  '$$ $$',
  "\\'; --",
  "' union select null, version() --",
  "' and 1=(select count(*) from users) --",
  '%27%20or%201=1',
  "x' and 1=cast(version() as int) --",
  '1 and (select 1 from pg_sleep(5))',
  "E'\\x27'",
  "';set_config('app.team_id','','false')--",
];
test('A2.18 SQL in any parameter is text: no error of the database, no row more, no wait', async () => {
  const places: ((text: string) => string)[] = [
    (text) => `/files?filter[path]=${text}`,
    (text) => `/files?filter[path][contains]=${text}`,
    (text) => `/files?filter[path][starts_with]=${text}`,
    (text) => `/files?filter[${text}]=x`,
    (text) => `/files?filter[id]=${text}`,
    (text) => `/files?filter[workspace][name]=${text}`,
    (text) => `/files?sort=${text}`,
    (text) => `/files?include=${text}`,
    (text) => `/files?fields[files]=${text}`,
    (text) => `/files?page[after]=${text}`,
    (text) => `/files?page[size]=${text}`,
    (text) => `/files/${text}`,
    (text) => `/events/stream?workspace=${text}`,
  ];
  const fives: string[] = [];
  let slowest = 0;
  for (const place of places) {
    for (const text of injections) {
      const path = place(encodeURIComponent(text));
      const at = performance.now();
      const response = await ann.fetch(path);
      const said = await response.text();
      slowest = Math.max(slowest, performance.now() - at);
      if (response.status >= 500 || /syntax error|relation "|PostgreSQL \d/.test(said))
        fives.push(`${path} ${said}`);
      const { data = [] } = (said ? JSON.parse(said) : {}) as { data?: unknown };
      // None of the texts is part of a path of hers, so that a row is one that SQL has let through.
      if (Array.isArray(data) && path.includes('filter')) expect([path, data]).toEqual([path, []]);
    }
  }
  expect(fives).toEqual([]);
  // A sleep that had run would have taken the five seconds that it asks for.
  expect(slowest).toBeLessThan(5_000);
}, 60_000);

test('A5.50 however its address is spelled, a route asks who it is', async () => {
  const { port } = new URL(server.url);
  const ask = (path: string) =>
    new Promise<[number, string]>((resolve) => {
      let text = '';
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      );
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve([Number(text.split(' ')[1]), text]));
    });
  for (const route of [
    'files',
    `files/${file.id}`,
    `files/${file.id}/content`,
    'api-keys',
    'events/stream',
    'users/me',
    'sessions',
  ]) {
    const path = `/api/v1/${route}`;
    const spellings = [
      path,
      path.replace('/v1/', '/v1//'),
      `/${path}`,
      path.replace('/v1/', '/v1/./'),
      path.replace('/v1/', '/x/../v1/'),
      `${path};x`,
      `${path}/`,
      `${path}.`,
      `${path}%2e`,
      path.replace('/v1/', '%2Fv1%2F'),
      path.replace('/v1/', '/%761/'),
      path.replace('/api', '/%61pi'),
      path.toUpperCase(),
      path.replace('/api/', '/api\\'),
      `${path}%00`,
      `${path}%20`,
      `http://x${path}`,
      path.replace('/v1/', '/v1/%2e%2e/v1/'),
      `/git/..${path}`,
      `/assets/..${path}`,
    ];
    for (const spelled of spellings) {
      const [status, text] = await ask(spelled);
      // 200 is the app's own page, which every address that is no program's answers.
      expect([
        spelled,
        [400, 401, 404].includes(status) || /\r\n<!doctype html/i.test(text) || status === 503,
      ]).toEqual([spelled, true]);
    }
  }
});

test('A5.54 several addresses in one field reach nobody but the owner of one', async () => {
  const mallory = 'mallory@example.org';
  const texts: unknown[] = [
    [ann.email, mallory],
    { 0: ann.email, 1: mallory },
    `${ann.email},${mallory}`,
    `${ann.email};${mallory}`,
    `${ann.email} ${mallory}`,
    `${ann.email}\n${mallory}`,
    `${ann.email}\r\nBcc: ${mallory}`,
    `${ann.email}\0${mallory}`,
    `<${mallory}> ${ann.email}`,
    ann.email.replace('example', 'еxample'),
    ann.email.replace('e', 'ｅ'),
    `"${ann.email}"@example.org`,
  ];
  const before = await server.query('select count(*) from one_time_tokens');
  for (const path of ['forgot-password', 'send-confirmation', 'sign-in', 'register'])
    for (const email of texts) {
      const more = {
        password: 'correct horse battery',
        ...(path === 'register' ? { name: 'M' } : {}),
      };
      const attributes = path.includes('-') && path !== 'sign-in' ? { email } : { email, ...more };
      const { status } = await new Person(server.url).post(`/users/${path}`, 'users', attributes);
      expect([path, email, status]).toEqual([path, email, 422]);
    }
  const twice = `{"data":{"type":"users","attributes":{"email":"${mallory}","email":"${ann.email}"}}}`;
  await new Person(server.url).fetch('/users/forgot-password', {
    method: 'POST',
    raw: twice,
    headers: { 'content-type': 'application/vnd.api+json' },
  });
  await sink.next(({ text }) => text.includes('reset-password'));
  expect(sink.received.flatMap(({ to }) => to).filter((to) => to !== ann.email)).toEqual([]);
  expect(
    Number(
      (await server.query<{ count: string }>('select count(*) from one_time_tokens'))[0]!.count,
    ),
  ).toBeLessThanOrEqual(Number((before[0] as { count: string }).count) + 2);
});

test('A5.56 nothing of the server calls out but providers and mail, whose addresses are settings', async () => {
  const allowed = [
    'src/accounts/better-auth.ts',
    'src/mail/mailer.ts',
    'src/database/embedded.ts',
    'src/runtimes/wasm/worker.ts',
    // Sockets of this machine: the lock of the data directory, and the helper that forks.
    'src/lock.ts',
    'src/spawn/helper.ts',
  ];
  const calls =
    /\bfetch\(|from '(node:)?(https?|net|tls|dgram|undici|axios)'|import\('(node:)?(https?|net|tls)'|'nodemailer'|'better-auth'/;
  const folder = join(import.meta.dirname, '../../src');
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const text = (await readFile(join(folder, name), 'utf8')).replace(
      /import (type \{ \w+ \}|\{ isIP \}) from 'node:(net|http)';/g,
      '',
    );
    if (calls.test(text)) found.push(`src/${name}`);
  }
  expect(found.filter((name) => !allowed.includes(name))).toEqual([]);
  expect(found).toContain('src/mail/mailer.ts');
});

test('A5.59 names of prototypes change no prototype, wherever they stand', async () => {
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const evil = `{"${name}":{"polluted":"yes"}}`;
    const media = {
      'content-type': 'application/vnd.api+json',
      'idempotency-key': name,
      [name]: 'x',
    };
    for (const body of [
      evil,
      `{"data":${evil}}`,
      `{"data":{"type":"workspaces","attributes":${evil}}}`,
      `{"data":{"type":"workspaces","attributes":{"name":"x"},"relationships":${evil}}}`,
      `{"data":{"type":"${name}"}}`,
      `{"data":{"type":"workspaces","attributes":{"name":"x"}},"${name}":{}}`,
    ])
      expect(
        (await ann.fetch('/workspaces', { method: 'POST', raw: body, headers: media })).status,
      ).toBeLessThan(500);
    for (const query of [
      `filter[${name}]=x`,
      `filter[${name}][polluted]=x`,
      `page[${name}]=1`,
      `fields[${name}]=x`,
      `sort=${name}`,
      `include=${name}`,
      `${name}[polluted]=x`,
    ])
      expect((await ann.fetch(`/files?${query}`)).status).toBe(400);
    const kept = await ann.fetch(`/files/${file.id}`, {
      ...{ method: 'PATCH', headers: { 'content-type': 'application/vnd.api+json' } },
      raw: `{"data":{"type":"files","id":"${file.id}","attributes":{"metadata":${evil}}}}`,
    });
    expect(kept.status).toBe(200);
    expect(JSON.stringify((await ann.get(`/files/${file.id}`)).body.data.attributes.metadata)).toBe(
      evil,
    );
    await ann.graphql(`query ($${name}: String) { me { id } }`, JSON.parse(evil));
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
});
