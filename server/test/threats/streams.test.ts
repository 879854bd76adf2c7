import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Seconds after which `strict` cuts off who does not read. */
const patience = 2;
type Side = { server: TestServer; ann: Person };
let usual: Side;
let strict: Side;
const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);
beforeAll(async () => {
  process.on('uncaughtExceptionMonitor', note);
  [usual, strict] = await Promise.all([open(), open({ stallTimeout: patience })]);
});
afterAll(async () => {
  await Promise.all([usual.server.stop(), strict.server.stop()]);
  process.off('uncaughtExceptionMonitor', note);
});

async function open(overrides?: Parameters<typeof startServer>[0]): Promise<Side> {
  const server = await startServer(overrides);
  return { server, ann: await register(server.url) };
}

/** A client that sends requests in one packet and reads nothing. */
async function deaf({ server, ann }: Side, ...heads: string[]): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.pause();
  await once(socket, 'connect');
  const request = (head: string) =>
    `${head}\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\n\r\n`;
  socket.write(heads.map(request).join(''));
  return socket;
}

/** A run that has ended, and has said `pieces` outputs of `size` characters. */
async function endedRun({ server, ann }: Side, pieces: number, size: number): Promise<string> {
  const workspace = await ann.workspace();
  const file = await ann.file(workspace, 'run.md', '```bash {name=one}\necho\n```\n');
  const [row] = await server.query<{ id: string }>(
    `with made as (
      insert into task_runs (id, team_id, notebook_id, user_id, status, language, source)
      select gen_random_uuid(), n.team_id, n.id, $2, 'succeeded', 'bash', 'echo' from notebooks n where n.file_id = $1
      returning id, team_id
    ), said as (
      insert into task_run_outputs (id, team_id, run_id, seq, stream, mime_type, data)
      select gen_random_uuid(), team_id, id, n, 'stdout', 'text/plain', repeat('x', $4) from made, generate_series(1, $3) n
    ) select id from made`,
    [file.id, ann.id, pieces, size],
  );
  return row!.id;
}

/** All bytes that one process of the server holds. */
function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const unread = 'GET /api/docs/js/scalar.js HTTP/1.1';

test('A1 streams that end behind an unread answer write nothing more, on every edge', async () => {
  const run = await endedRun(usual, 1, 10);
  const query = 'GET /api/graphql?query={__typename} HTTP/1.1\r\nAccept: text/event-stream';
  const sockets = await Promise.all([
    deaf(usual, unread, query),
    deaf(usual, unread, `GET /api/v1/task-runs/${run}/outputs/stream HTTP/1.1`),
    deaf(usual, unread, 'GET /api/v1/events/stream HTTP/1.1'),
    deaf(usual, unread, 'GET /api/v1/notifications/stream HTTP/1.1'),
  ]);
  // Longer than any timer of a stream.
  await sleep(13_000);
  expect(uncaught).toEqual([]);
  for (const socket of sockets) socket.destroy();
  expect((await fetch(`${usual.server.url}/health/live`)).status).toBe(200);
}, 60_000);

test('A6 streams that nobody reads are not kept in memory, and end', async () => {
  const [pieces, size] = [200, 100_000];
  const run = await endedRun(strict, pieces, size);
  const path = `/task-runs/${run}/outputs/stream`;
  const before = held();
  const sockets = await Promise.all(
    Array.from({ length: 30 }, () => deaf(strict, `GET /api/v1${path} HTTP/1.1`)),
  );
  await sleep(patience * 750);
  // Each would be 20 MB; a page that is being written and what the kernel takes are not counted against it.
  expect(held() - before).toBeLessThan(30 * pieces * size * 0.2);
  // A socket that has just moved is looked at once more.
  await sleep(patience * 2_000 + 1_000);
  const [first] = sockets;
  let read = 0;
  first!.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  first!.resume();
  await Promise.race(['end', 'close'].map((name) => once(first!, name)));
  expect(read).toBeLessThan(pieces * size);
  for (const socket of sockets) socket.destroy();
}, 60_000);
