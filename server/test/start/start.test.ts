import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Person, type RecordObject, register } from '../support/api.ts';
import { removeData } from '../support/remove-data.ts';
import { cloneDatabase } from '../support/server.ts';
import { follow } from '../workspaces/sse.ts';
import { kyozo, run as runProgram, serveIn } from './process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kyozo-start-'));
});
afterAll(() => removeData(folder));

const secret = 's'.repeat(32);
const start = (environment: Record<string, string | undefined>) =>
  kyozo(['serve'], { PORT: '0', DATA_DIR: join(folder, 'refused'), ...environment });
/** The one line that a start that failed says. */
const line = (text: string) => new RegExp(`^Kyozo Store cannot start: [^\\n]*${text}[^\\n]*\\n$`);

describe('a bad value stops the start with one line that names it', () => {
  test.each<[string, Record<string, string>]>([
    ['PORT', { PORT: 'http' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['PORT', { PORT: '4000.5' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'example.com' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'ftp://example.com' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://127.0.0.1/x', SECRET_KEY: secret }],
    ['SECRET_KEY', { DATABASE_URL: 'postgres://127.0.0.1:1/x' }],
    ['SECRET_KEY', { SECRET_KEY: 'short' }],
    ['AUTH_ACCESS_TTL', { AUTH_ACCESS_TTL: 'soon' }],
    ['LIMIT_BODY', { LIMIT_BODY: '0' }],
    ['DATA_DIR', { DATA_DIR: '/dev/null/data' }],
  ])('%s: %j', async (name, environment) => {
    const { code, stdout, stderr } = await start(environment);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(line(name));
  });
});

test('a database that cannot be reached is said in one line, without its password', async () => {
  const url = 'postgres://ann:hush-hush@127.0.0.1:1/x';
  const { code, stderr } = await start({ DATABASE_URL: url, SECRET_KEY: secret });
  expect(code).toBe(1);
  expect(stderr).toMatch(line('127\\.0\\.0\\.1:1'));
  expect(stderr).not.toContain('hush-hush');
});

test('another SECRET_KEY than the database was made with is refused', async () => {
  const environment = { DATABASE_URL: await cloneDatabase() };
  const first = await serveIn(join(folder, 'own'), { ...environment, SECRET_KEY: secret });
  expect(await first.stop()).toMatchObject({ code: 0, stderr: '' });
  const { code, stderr } = await start({ ...environment, SECRET_KEY: 'o'.repeat(32) });
  expect(code).toBe(1);
  expect(stderr).toMatch(line('SECRET_KEY'));
});

test('a port that is taken is refused, and what had started is stopped', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const dataDir = join(folder, 'taken');
  const { code, stderr } = await start({ PORT: String(port), DATA_DIR: dataDir });
  other.close();
  expect(code).toBe(1);
  expect(stderr).toMatch(line(`port ${port} is already in use`));
  expect(await postgresOf(dataDir)).toBeUndefined();
});

test('it keeps what it has through both signals, refuses a second start, and leaves no PostgreSQL', async () => {
  const dataDir = join(folder, 'data');
  const first = await serveIn(dataDir);
  const ann = await register(first.url);
  const workspace = await ann.workspace('Kept');
  const file = await ann.file(workspace, 'a.md', 'kept\n');
  const postgres = (await postgresOf(dataDir))!;
  expect(await isAlive(postgres)).toBe(true);
  const second = await start({ DATA_DIR: dataDir });
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(line('Another server uses DATA_DIR'));
  expect((await ann.get('/workspaces')).status).toBe(200);
  expect(await first.stop('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  expect([await isAlive(postgres), await postgresOf(dataDir)]).toEqual([false, undefined]);

  const again = await serveIn(dataDir);
  const back = new Person(again.url, ann.token);
  expect(await (await back.fetch(`/files/${file.id}/content`)).text()).toBe('kept\n');
  expect((await back.get('/health/ready')).status).toBe(200);
  const other = (await postgresOf(dataDir))!;
  expect(await again.stop('SIGINT')).toMatchObject({ code: 0, stderr: '' });
  expect([await isAlive(other), await postgresOf(dataDir)]).toEqual([false, undefined]);
});

test('a signal in the middle of a start stops it as soon as it stands', async () => {
  const dataDir = join(folder, 'early');
  const ending = kyozo(['serve'], { PORT: '0', DATA_DIR: dataDir }, async (child) => {
    while ((await postgresOf(dataDir)) === undefined)
      await new Promise((next) => setTimeout(next, 5));
    child.kill('SIGTERM');
  });
  expect(await ending).toMatchObject({ code: 0, stderr: '' });
  expect(await postgresOf(dataDir)).toBeUndefined();
});

test('a start after kill -9 takes over from what was left behind: PostgreSQL and open runs', async () => {
  const dataDir = join(folder, 'killed');
  const first = await serveIn(dataDir);
  const ann = await register(first.url);
  const workspace = await ann.workspace('Kept');
  await ann.file(workspace, 'n.md', '```bash\necho started; sleep 60\n```\n');
  const [task] = (await ann.get<RecordObject[]>('/tasks')).body.data;
  const run = (await ann.post(`/tasks/${task!.id}/runs`, 'task-runs')).body.data;
  const outputs = await follow(ann, `/task-runs/${run.id}/outputs/stream`);
  expect((await outputs.next())?.data).toMatchObject({ data: 'started\n' });
  const leftover = (await postgresOf(dataDir))!;
  await first.stop('SIGKILL');
  const second = await serveIn(dataDir);
  const back = new Person(second.url, ann.token);
  expect((await back.get(`/workspaces/${workspace.id}`)).status).toBe(200);
  expect(await isAlive(leftover)).toBe(false);
  const { attributes } = (await back.get(`/task-runs/${run.id}`)).body.data;
  expect(attributes).toMatchObject({ status: 'failed', reason: 'interrupted' });
  await outputs.close();
  expect(await second.stop()).toMatchObject({ code: 0, stderr: '' });
});

/** The process id of the PostgreSQL that a data folder says it has. */
async function postgresOf(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8').catch(
    () => undefined,
  );
  return text === undefined ? undefined : Number(text.split('\n')[0]);
}

/** Whether a process runs; one that has ended and waits to be reaped does not. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await runProgram('ps', ['-o', 'state=', '-p', String(pid)]);
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
