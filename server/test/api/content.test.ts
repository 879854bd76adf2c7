import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kyozo, serveIn } from '../start/process.ts';
import { Person, type RecordObject, register } from '../support/api.ts';
import { removeData } from '../support/remove-data.ts';
import { startServer, type TestServer } from '../support/server.ts';

const MB = 2 ** 20;
let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer({ uploadLimit: 40 * MB });
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());

const at = (file: RecordObject) => `/files/${file.id}/content`;
const put = (file: RecordObject, raw: Uint8Array | string, headers: Record<string, string> = {}) =>
  ann.request(at(file), { method: 'PUT', raw, headers });
/** A PUT without a length: pieces, one after the other. */
const putPieces = (file: RecordObject, pieces: Iterable<Uint8Array>) =>
  fetch(`${server.url}/api/v1${at(file)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ann.token}`, 'content-type': 'application/octet-stream' },
    body: Readable.from(pieces),
    duplex: 'half',
  } as unknown as RequestInit);
const attributes = async (file: RecordObject) =>
  (await ann.get(`/files/${file.id}`)).body.data.attributes;
const names = async (folder: string) =>
  readdir(join(server.dataDir, folder), { recursive: true }).catch(() => []);
const digest = (algorithm: string, bytes: Uint8Array) =>
  createHash(algorithm).update(bytes).digest('base64');
let count = 0;
const fresh = (name = 'a.bin') => ann.file(workspace, `${++count}/${name}`);

describe('content that comes as a stream', () => {
  const text = Buffer.from('Straße → 😀\n'.repeat(400_000));
  const late = Buffer.concat([Buffer.alloc(6 * MB, 'x'), Buffer.from([0])]);
  const cut = Buffer.concat([Buffer.alloc(6 * MB, 'x'), Buffer.from([0xe2, 0x82])]);
  const hex = (digits: string) => Buffer.from(digits, 'hex');
  // What it is shows only behind a chunk of a megabyte.
  const image = Buffer.concat([
    hex('89504e470d0a1a0a0000000d494844520000000100000001080600000000000000'),
    ...[hex('0010000065584966'), Buffer.alloc(MB + 4, 0xfe)],
    ...[hex('0040000049444154'), Buffer.alloc(5 * MB, 0xfe)],
  ]);
  test.each<[string, string, Buffer, string, string]>([
    ['long text', 'a.txt', text, 'hybrid', 'text/plain'],
    ['long code', 'a.ts', text, 'git', 'text/plain'],
    ['what is text but for its last byte', 'a.txt', late, 'hybrid', 'application/octet-stream'],
    ['text that ends inside a character', 'a.txt', cut, 'hybrid', 'application/octet-stream'],
    ['an image', 'a.txt', image, 's3', 'image/png'],
    ['large binary', 'a.txt', randomBytes(11 * MB), 's3', 'application/octet-stream'],
    ['small text', 'a.md', Buffer.from('# A\n'), 'git', 'text/markdown'],
  ])(
    '%s is told by its content, with a length and without',
    async (_name, path, bytes, backend, type) => {
      const pieces = function* () {
        for (let from = 0; from < bytes.length; from += 99_991)
          yield bytes.subarray(from, from + 99_991);
      };
      const [whole, streamed] = [await fresh(path), await fresh(path)];
      expect((await put(whole, bytes)).status).toBe(200);
      expect((await putPieces(streamed, pieces())).status).toBe(200);
      for (const file of [whole, streamed]) {
        const read = Buffer.from(await (await ann.fetch(at(file))).arrayBuffer());
        expect([read.equals(bytes), await attributes(file)]).toMatchObject([
          true,
          { size: bytes.length, storageBackend: backend, contentType: type, version: 1 },
        ]);
      }
      expect(await names('tmp')).toEqual([]);
    },
  );

  test('a body that breaks off leaves nothing', async () => {
    const before = await names('blobs');
    for (const first of [
      Buffer.alloc(MB, 0xff),
      Buffer.alloc(MB, 'x'),
      Buffer.alloc(9 * MB, 'x'),
    ]) {
      const file = await fresh();
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      socket.write(
        `PUT /api/v1${at(file)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ann.token}\r\ncontent-type: application/octet-stream\r\ncontent-length: ${20 * MB}\r\n\r\n`,
      );
      await new Promise((resolve) => socket.write(first, resolve));
      socket.destroy();
      // The server has met the end of it when it has answered a later request, and swept what lay there.
      while ((await names('tmp')).length + (await names('blobs')).length > before.length)
        await ann.get(`/files/${file.id}`);
      expect(await attributes(file)).toMatchObject({ version: 0, size: 0 });
    }
    expect(await names('blobs')).toEqual(before);
  });

  const bytes = randomBytes(5 * MB);
  const large = randomBytes(5 * MB);
  const wrong = Buffer.from('something else');
  const headersOf = (of: Buffer): [string, string][] => [
    ['content-md5', digest('md5', of)],
    ['digest', `sha-256=${digest('sha256', of)}`],
    ['digest', `MD5=${digest('md5', of)},SHA-256=${digest('sha256', of)}`],
    ['repr-digest', `sha-256=:${digest('sha256', of)}:`],
    ['content-digest', `sha-512=:${digest('sha512', of)}:, crc32c=:AAAAAA==:`],
  ];

  test.each(headersOf(bytes))('%s: %s that is right is taken', async (name, value) => {
    expect((await put(await fresh(), bytes, { [name]: value })).status).toBe(200);
  });

  test.each([
    ...headersOf(wrong),
    ['repr-digest', `sha-256=${digest('sha256', large)}`] as const,
    ['content-md5', 'AAAA'] as const,
  ])('%s: %s that is wrong is refused, and nothing is written', async (name, value) => {
    const file = await fresh();
    const before = await names('blobs');
    const answer = await put(file, large, { [name]: value });
    expect([answer.status, answer.body.errors[0]!.source?.header?.toLowerCase()]).toEqual([
      400,
      name,
    ]);
    expect([await attributes(file), await names('blobs'), await names('tmp')]).toMatchObject([
      { version: 0 },
      before,
      [],
    ]);
  });

  test('a coding is not undone, and too much is refused with a length and without', async () => {
    const file = await fresh();
    const coded = await put(file, 'x', { 'content-encoding': 'gzip, gzip' });
    expect([coded.status, coded.body.errors[0]!.detail]).toEqual([
      415,
      'Send the content without a Content-Encoding.',
    ]);
    expect((await put(file, Buffer.alloc(41 * MB))).status).toBe(413);
    expect(await attributes(file)).toMatchObject({ version: 0 });
  });
});

test('300 MiB in and out hold less than 80 MB', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-memory-'));
  const served = await serveIn(folder);
  try {
    const environment = { KYOZO_URL: served.url };
    const { stdout } = await kyozo(
      ['user', 'create', '--email', 'a@example.com', '--name', 'A'],
      environment,
    );
    const person = new Person(served.url, /KYOZO_TOKEN=(\S+)/.exec(stdout)![1]);
    const place = await person.workspace();
    const high = async () =>
      Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${served.pid}/status`, 'utf8'))![1]) /
      1_024;
    const send = (file: RecordObject, size: number, byte: number) =>
      fetch(`${served.url}/api/v1/files/${file.id}/content`, {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${person.token}`,
          'content-type': 'application/octet-stream',
        },
        body: Readable.from(
          (function* () {
            for (let sent = 0; sent < size; sent += MB) yield Buffer.alloc(MB, byte);
          })(),
        ),
        duplex: 'half',
      } as unknown as RequestInit);
    const [binary, text] = [
      await person.file(place, 'binary'),
      await person.file(place, 'text.txt'),
    ];
    const inAndOut = async (size: number) => {
      expect((await send(binary, size, 0xff)).status).toBe(200);
      expect((await send(text, size, 0x61)).status).toBe(200);
      const { body } = await person.fetch(`/files/${binary.id}/content`);
      let came = 0;
      for await (const chunk of body!) came += chunk.length;
      expect(came).toBe(size);
    };
    // Idle is a server that has done all this before, at rest.
    await inAndOut(8 * MB);
    await writeFile(`/proc/${served.pid}/clear_refs`, '5');
    const idle = await high();
    await inAndOut(300 * MB);
    expect((await high()) - idle).toBeLessThan(80);
  } finally {
    await served.stop();
    await removeData(folder);
  }
});

describe('what is sent back', () => {
  test('HEAD, times and tags say whether somebody has it; an old version never changes', async () => {
    const file = await fresh('a.txt');
    await put(file, 'one');
    await put(file, 'two!');
    const head = await ann.fetch(at(file), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      '4',
      '',
    ]);
    const modified = head.headers.get('last-modified')!;
    const get = async (headers: Record<string, string>) =>
      (await ann.fetch(at(file), { headers })).status;
    const earlier = new Date(Date.parse(modified) - 1_000).toUTCString();
    const since = 'if-modified-since';
    expect([
      await get({ [since]: modified }),
      await get({ [since]: earlier }),
      await get({ [since]: 'yesterday' }),
      await get({ [since]: modified, 'if-none-match': '"other"' }),
      await get({ 'if-none-match': `"x", W/${head.headers.get('etag')}` }),
      await get({ range: 'bytes=0-0', 'if-range': modified }),
      await get({ range: 'bytes=0-0', 'if-range': earlier }),
    ]).toEqual([304, 200, 200, 200, 304, 206, 200]);
    const { body } = await ann.get<RecordObject[]>(`/files/${file.id}/versions?sort=version`);
    const texts = body.data.map(async ({ id }) => {
      const response = await ann.fetch(`/file-versions/${id}/content`);
      return [await response.text(), response.headers.get('cache-control')];
    });
    expect(await Promise.all(texts)).toEqual([
      ['one', 'private, max-age=31536000, immutable'],
      ['two!', 'private, max-age=31536000, immutable'],
    ]);
    const stranger = await register(server.url);
    expect((await stranger.fetch(`/file-versions/${body.data[0]!.id}/content`)).status).toBe(404);
    const kept = await ann.fetch(`${at(file)}?download`);
    expect(kept.headers.get('content-disposition')).toMatch(/^attachment; filename="a.txt"/);
  });

  const script = '<script>fetch("/api/v1/users/me")</script>';
  const polyglots: Record<string, string | Buffer> = {
    html: `<!doctype html>${script}`,
    'html with a BOM': `\ufeff<html>${script}`,
    svg: `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${script}</svg>`,
    xml: `<?xml version="1.0"?><?xml-stylesheet href="data:text/xsl,x"?><html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`,
    pdf: `%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n${script}`,
    'gif and script': `GIF89a/*${script}*/=1;alert(1)`,
    'png and html': Buffer.concat([
      Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
      Buffer.from(script),
    ]),
    'zip and html': Buffer.concat([Buffer.from('PK\x03\x04\0\0', 'latin1'), Buffer.from(script)]),
  };
  const types = ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'image/png', 'text/plain'];
  const cases = Object.entries(polyglots).flatMap(([name, bytes]) =>
    types.map((type, index) => {
      const path = ['x.png', 'x.html', 'x.svg', 'x.xml', 'x.pdf'][index]!;
      return { name, bytes, type, path };
    }),
  );
  test.each(cases)(
    'A4.40 $name as $path and $type never runs in the origin of the app',
    async ({ bytes, type: asked, path }) => {
      const file = await fresh(path);
      expect((await put(file, bytes, { 'content-type': asked })).status).toBe(200);
      const { headers } = await ann.fetch(at(file));
      expect([
        headers.get('x-content-type-options'),
        headers.get('content-security-policy'),
      ]).toEqual(['nosniff', "sandbox; default-src 'none'"]);
      const how = headers.get('content-disposition')!.split(';')[0];
      const type = headers.get('content-type')!;
      const shown = /^(image\/(png|gif)|text\/plain(; charset=utf-8)?)$/.test(type);
      expect([type, how]).toEqual([type, shown ? 'inline' : 'attachment']);
    },
  );
  test('A4.40 there are forty of them', () => expect(cases).toHaveLength(40));
});
