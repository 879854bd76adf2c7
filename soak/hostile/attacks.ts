import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as Y from 'yjs';
import {
  authFrame,
  awarenessFrame,
  RawClient,
  sync,
  syncFrame,
} from '../../server/test/collaboration/frames.ts';
import type { Person, RecordObject } from '../../server/test/support/api.ts';

/** Somebody with an account and a workspace, who means no good. */
export type Attacker = { person: Person; workspace: RecordObject; random: () => number };
type Attack = (attacker: Attacker) => Promise<unknown>;

let count = 0;
const fresh = (kind: string) => `${kind}-${count++}`;

/** A client that sends requests in one packet and reads nothing for a while. */
async function deaf({ person }: Attacker, ...heads: string[]): Promise<void> {
  const { hostname, port } = new URL(person.url);
  const socket: Socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  const request = (head: string) =>
    `${head}\r\nHost: x\r\nAuthorization: Bearer ${person.token}\r\n\r\n`;
  socket.write(heads.map(request).join(''));
  await sleep(16_000);
  socket.destroy();
}

const unread = 'GET /api/docs/js/scalar.js HTTP/1.1';

/** Runs a cell and waits a little for its end. */
async function runCell({ person, workspace }: Attacker, language: string, source: string) {
  const text = `\`\`\`${language} {name=one}\n${source}\n\`\`\`\n`;
  const file = await person.file(workspace, `${fresh('cell')}.md`, text);
  const { body } = await person.get(`/files/${file.id}/notebook`);
  const run = await person.post(`/notebooks/${body.data.id}/runs`, 'notebooks', { timeout: 5 });
  if (run.status !== 202) return undefined;
  await sleep(6_000);
  await person.delete(`/task-runs/${run.body.data.id}`);
  return run.body.data.id;
}

/** A raw client that has opened a document of its own. */
async function rawAt({ person, workspace }: Attacker, text: string) {
  const file = await person.file(workspace, `${fresh('live')}.md`, text);
  const client = await RawClient.open(person.url);
  client.send(authFrame(file.id, person.token!));
  client.send(syncFrame(file.id, sync.step1, Y.encodeStateVector(new Y.Doc())));
  await sleep(300);
  return { client, file };
}

/** Changes a document as no editor would; the client stays for a while. */
async function poison(attacker: Attacker, change: (fragment: Y.XmlFragment) => void) {
  const { client, file } = await rawAt(attacker, 'One.\n');
  const document = new Y.Doc();
  change(document.getXmlFragment('default'));
  client.send(syncFrame(file.id, sync.update, Y.encodeStateAsUpdate(document)));
  await sleep(4_000);
  client.close();
}

const jsonApi = 'application/vnd.api+json';
const deep = ['['.repeat(2 ** 24 - 1), `[${'0,'.repeat(2 ** 23 - 2)}0]`, '{"a":'.repeat(2 ** 21)];

/** Texts of 64 KiB that took seconds, or grew. */
const texts: (() => string)[] = [
  () => ':::a\n'.repeat(13_000),
  () => `${' '.repeat(65_000)}x`,
  () => '$$a\n'.repeat(16_000),
  () => `|a|b|\n|-|-|\n${'|x|y|\n'.repeat(10_000)}`,
  () => `${'[a]'.repeat(8_192)}\n\n[a]: https://example.org/${'x'.repeat(32_768)}\n`,
  () => '>'.repeat(60_000),
  () => `${'- '.repeat(30_000)}x`,
  () => '*a_'.repeat(20_000),
  () => '[['.repeat(30_000),
  () => '`'.repeat(60_000),
];

/** Every attack of part A of the issues that were found, by its number there. */
export const attacks: Record<string, Attack> = {
  'A1 streams behind an unread answer': (attacker) =>
    deaf(
      attacker,
      unread,
      'GET /api/graphql?query={__typename} HTTP/1.1\r\nAccept: text/event-stream',
      'GET /api/v1/events/stream HTTP/1.1',
    ),
  'A2 a line without an end on the control channel': (attacker) =>
    runCell(
      attacker,
      'bash',
      'for n in 3 10; do (head -c 300000000 /dev/zero | tr "\\0" x >&$n) 2>/dev/null & done; wait',
    ),
  'A2 reports without an end': (attacker) =>
    runCell(
      attacker,
      'python',
      `import os\nline = b'{"type":"output","stream":"result","mimeType":"text/plain","data":"' + b'x' * 60000 + b'"}\\n'\nwhile True: os.write(3, line)`,
    ),
  'A3 deep bodies of nobody': async ({ person, random }) => {
    const path = ['/users/sign-in', '/users/register', '/api/graphql'][Math.floor(random() * 3)]!;
    const type = path === '/api/graphql' ? 'application/json' : jsonApi;
    const raw = deep[Math.floor(random() * deep.length)]!;
    await fetch(path.startsWith('/api') ? person.url + path : `${person.url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: raw,
    });
  },
  'A3 deep bodies of somebody': async ({ person, random }) => {
    const raw = deep[Math.floor(random() * deep.length)]!;
    await person.fetch('/workspaces', {
      method: 'POST',
      headers: { 'content-type': jsonApi },
      raw,
    });
  },
  'A4 text that is slow to parse': async ({ person, workspace, random }) => {
    const text = texts[Math.floor(random() * texts.length)]!();
    const file = await person.file(workspace, `${fresh('slow')}.md`, text);
    const client = await RawClient.open(person.url);
    client.send(authFrame(file.id, person.token!));
    client.send(syncFrame(file.id, sync.step1, Y.encodeStateVector(new Y.Doc())));
    await sleep(3_000);
    client.close();
    await person.fetch(`/files/${file.id}/content`, { method: 'PUT', raw: `${text}\nmore\n` });
  },
  'A5 cursors that nobody has': async (attacker) => {
    const { client, file } = await rawAt(attacker, 'One.\n');
    for (let n = 0; n < 2_000; n++) client.send(awarenessFrame(file.id, n + 1, 1, { n }));
    await sleep(2_000);
    client.close();
  },
  'A5 questions without an end': async (attacker) => {
    const { client, file } = await rawAt(attacker, 'word '.repeat(10_000));
    const question = syncFrame(file.id, sync.step1, Y.encodeStateVector(new Y.Doc()));
    for (let n = 0; n < 1_500; n++) client.send(question);
    await sleep(2_000);
    client.close();
  },
  'A5 a delete set of megabytes': async (attacker) => {
    const { client, file } = await rawAt(attacker, 'One.\n');
    for (let n = 0; n < 3; n++) client.send(syncFrame(file.id, sync.update, deleteSet(1_000_000)));
    await sleep(2_000);
    client.close();
  },
  'A6 readers that do not read': async (attacker) => {
    const run = await runCell(attacker, 'bash', 'head -c 3000000 /dev/zero | tr "\\0" x');
    if (run === undefined) return;
    const head = `GET /api/v1/task-runs/${run}/outputs/stream HTTP/1.1`;
    await Promise.all(Array.from({ length: 20 }, () => deaf(attacker, head)));
  },
  'A7 a cell that takes all memory': (attacker) =>
    runCell(
      attacker,
      'python',
      'import mmap\nm = mmap.mmap(-1, 2 ** 31)\nfor n in range(0, 2 ** 31, 4096): m[n] = 1',
    ),
  'A7 a cell that leaves children': (attacker) =>
    runCell(
      attacker,
      'bash',
      'for n in $(seq 50); do (sleep 60 &) ; done; head -c 20000000 /dev/zero | tail',
    ),
  'A7 a cell that fills the disk': (attacker) =>
    runCell(attacker, 'bash', 'for n in $(seq 40); do head -c 50000000 /dev/zero > f$n; done'),
  'A8 a node that no text has': (attacker) =>
    poison(attacker, (fragment) => fragment.insert(0, [new Y.XmlHook('x') as never])),
  'A8 a heading of any level': (attacker) =>
    poison(attacker, (fragment) => {
      const heading = new Y.XmlElement('heading');
      heading.setAttribute('level', 1e9 as never);
      heading.insert(0, [new Y.XmlText('x')]);
      fragment.insert(0, [heading]);
    }),
  'A8 quotes in quotes': (attacker) =>
    poison(attacker, (fragment) => {
      let inner = new Y.XmlElement('paragraph');
      inner.insert(0, [new Y.XmlText('x')]);
      for (let n = 0; n < 3_000; n++) {
        const quote = new Y.XmlElement('blockquote');
        quote.insert(0, [inner]);
        inner = quote;
      }
      fragment.insert(0, [inner]);
    }),
};

/** An update that deletes `length` single items of clients that are not there. */
function deleteSet(length: number): Uint8Array {
  const number = (value: number, out: number[]) => {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    out.push(rest);
  };
  const out: number[] = [0];
  number(1, out);
  number(77, out);
  number(length, out);
  for (let n = 0; n < length; n++) {
    number(n * 2, out);
    out.push(1);
  }
  return Uint8Array.from(out);
}
