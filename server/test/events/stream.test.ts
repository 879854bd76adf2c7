import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from '../workspaces/sse.ts';

let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

type Event = { id: string; name: string; type: string; recordId: string };

/** Reads a stream in pieces, hanging up after each few events, until `last` has come. */
async function readAll(
  path: string,
  last: (event: Event) => boolean,
  piece: number,
): Promise<Event[]> {
  const seen: Event[] = [];
  let cursor = '0-0';
  while (!seen.some(last)) {
    const stream = await follow(ann, path, cursor);
    for (let taken = 0; taken < piece && !seen.some(last); taken++) {
      const event = await stream.next();
      if (!event) break;
      seen.push(event.data as Event);
      cursor = event.id!;
    }
    await stream.close();
  }
  return seen;
}

test('nothing is lost, doubled or out of order while twenty write and readers come and go', async () => {
  const workspace = await ann.workspace('Busy');
  const write = async (writer: number) => {
    const file = await ann.file(workspace, `${writer}.txt`, '0\n');
    for (let version = 1; version <= 5; version++) {
      const answer = await ann.fetch(`/files/${file.id}/content`, {
        method: 'PUT',
        raw: `${version}\n`,
      });
      expect(answer.status).toBe(200);
    }
  };
  const isLast = (event: Event) => event.type === 'teams' && event.name === 'team.updated';
  const readers = [1, 7, 33, 1_000].map((piece) => readAll('/events/stream', isLast, piece));
  await Promise.all(Array.from({ length: 20 }, (_, writer) => write(writer)));
  const [team] = (await ann.get<RecordObject[]>('/teams')).body.data;
  expect((await ann.patch(`/teams/${team!.id}`, team!, { name: 'Done' })).status).toBe(200);
  const rows = await server.query<{ id: string }>(
    'select id from events where team_id = $1 order by xid, seq',
    [team!.id],
  );
  expect(rows.length).toBeGreaterThan(20 * 6 * 3);
  for (const seen of await Promise.all(readers)) {
    expect(seen.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    const versions = new Map<string, number>();
    for (const event of seen.filter(({ name }) => name === 'file.written')) {
      const { data } = event as Event & { data: { version: number } };
      expect(data.version).toBe((versions.get(event.recordId) ?? 1) + 1);
      versions.set(event.recordId, data.version);
    }
    expect([...versions.values()]).toEqual(Array(20).fill(6));
  }
});

test('a stream of one workspace shows that one only', async () => {
  const mine = await ann.workspace('Mine');
  const other = await ann.workspace('Other');
  await ann.file(other, 'other.txt', 'x\n');
  const file = await ann.file(mine, 'mine.txt', 'x\n');
  const seen = await readAll(
    `/events/stream?workspace=${mine.id}`,
    ({ name }) => name === 'file-version.created',
    100,
  );
  expect(seen.map(({ name }) => name).sort()).toEqual([
    'file-version.created',
    'file.created',
    'workspace.committed',
    'workspace.created',
  ]);
  expect(seen.find(({ name }) => name === 'file.created')!.recordId).toBe(file.id);
});

test.each(['x', '1', '1-', '-1', '1-1-1', "0-0'", '99999999999999999999-1'])(
  'the cursor %j is refused',
  async (cursor) => {
    const response = await ann.fetch('/events/stream', { headers: { 'last-event-id': cursor } });
    expect(response.status).toBe(400);
  },
);
