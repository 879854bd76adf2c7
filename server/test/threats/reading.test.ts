import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessOf } from '../../src/api/access.ts';
import { known } from '../../src/resources.ts';
import { addressOf, must, temporary } from '../git/repository.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
/** A record of Ann's for every type that she has one of. */
const hers = new Map<string, string>();
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
  await ann.file(workspace, 'n.md', '# N\n\n```bash\necho hi\n```\n\n- [ ] task\n');
  await ann.key('read');
  await ann.post('/teams', 'teams', { name: 'Ours' });
  await ann.post('/invitations', 'invitations', { email: 'late@example.com', role: 'member' });
  await server.query(`select notify_person($1, 'team.deleted', null, '{}')`, [ann.id]);
  const tasks = (await ann.get<RecordObject[]>('/tasks')).body.data;
  const run = await ann.post(`/tasks/${tasks[0]!.id}/runs`, 'task-runs');
  await (await ann.fetch(`/task-runs/${run.body.data.id}/outputs/stream`)).text();
  const place = await temporary();
  await must(place.folder, 'clone', '-q', await addressOf(ann, workspace), 'clone');
  await must(place.folder, '-C', 'clone', 'push', '-q', 'origin', 'HEAD:topic');
  await place.remove();
  for (const { type } of known.values()) {
    const list = await ann.get<RecordObject[]>(`/${type}?page[size]=1`);
    if (list.status === 200 && list.body.data[0]) hers.set(type, list.body.data[0].id);
  }
  hers.set('users', ann.id);
});
afterAll(() => server.stop());

test('A4.42 no route that reads changes anything, runs a cell or accepts an invitation', async () => {
  const { slug } = (await ann.get(`/workspaces/${workspace.id}/team`)).body.data.attributes;
  const git = `${slug}/${workspace.attributes.slug}.git`;
  // Of each kind once before: a session says when it was used, and refs are looked at.
  await read('/api/v1/users/me');
  const before = await digest();
  const answers = new Map<number, number>();
  for (const route of accessOf(known).keys()) {
    const [method, address] = route.split(' ') as [string, string];
    if (method !== 'GET') continue;
    const type = address.split('/')[3]!;
    const path = address
      .replace(':team/:workspace.git', git)
      .replace(':id', hers.get(type) ?? workspace.id)
      .replace(/:(\w+)/, 'x');
    for (const query of ['', '?token=x&accept=true&service=git-upload-pack']) {
      const status = await read(path + query);
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
    expect([route, changed(before, await digest())]).toEqual([route, []]);
  }
  expect(hers.size).toBeGreaterThan(15);
  expect(answers.get(200)).toBeGreaterThan(100);
}, 120_000);

/** Reads an address to its end; of a stream what comes at once. */
async function read(path: string): Promise<number> {
  const ended = new AbortController();
  const answer = await fetch(server.url + path, {
    redirect: 'manual',
    signal: ended.signal,
    headers: {
      authorization: path.startsWith('/git/')
        ? `Basic ${btoa(`x:${ann.token}`)}`
        : `Bearer ${ann.token}`,
    },
  });
  const streams = answer.headers.get('content-type')?.startsWith('text/event-stream');
  if (streams) await answer.body!.getReader().read();
  else await answer.arrayBuffer();
  ended.abort();
  return answer.status;
}

/** A digest of every table of the server but those that say how its jobs do. */
async function digest(): Promise<Map<string, string>> {
  const tables = await server.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema', 'jobs')`,
  );
  const digests = tables.map(async ({ name }): Promise<[string, string]> => {
    const text = `select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as it from ${name} t`;
    const [row] = await server.query<{ it: string }>(text);
    return [name, row!.it];
  });
  const jobs = server.query<{ it: string }>(
    'select count(*)::text as it from jobs.job where name not like $1',
    ['%pgboss%'],
  );
  return new Map([...(await Promise.all(digests)), ['jobs', (await jobs)[0]!.it]]);
}

function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...after].filter(([name, it]) => before.get(name) !== it).map(([name]) => name);
}
