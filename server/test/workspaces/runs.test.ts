import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from './sse.ts';

let server: TestServer;
let ann: Person;
let workspace: RecordObject;
beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
  workspace = await ann.workspace();
});
afterAll(() => server.stop());

let count = 0;
const notebook = (...cells: string[]) => notebookIn('bash', ...cells);
async function notebookIn(language: string, ...cells: string[]) {
  const text = cells
    .map((source, at) => `\`\`\`${language} {name=t${at}}\n${source}\n\`\`\`\n`)
    .join('\n');
  const file = await ann.file(workspace, `n${++count}.md`, text);
  const { id } = (await ann.get(`/files/${file.id}/notebook`)).body.data;
  const { body } = await ann.get<RecordObject[]>(`/notebooks/${id}/tasks`);
  return { id, tasks: body.data };
}
const start = async (task: RecordObject, attributes: object = {}) => {
  const { status, body } = await ann.post(`/tasks/${task.id}/runs`, 'task-runs', attributes);
  expect([status, body.data.attributes.status]).toEqual([202, 'queued']);
  return body.data;
};
/** Waits until a run has ended; answers it and what it said. */
async function finished(run: RecordObject) {
  await (await ann.fetch(`/task-runs/${run.id}/outputs/stream`)).text();
  const outputs = await ann.get<RecordObject[]>(`/task-runs/${run.id}/outputs`);
  return {
    run: (await ann.get(`/task-runs/${run.id}`)).body.data.attributes,
    outputs: outputs.body.data.map(({ attributes }) => attributes),
  };
}
const namesOf = async (run: RecordObject) =>
  (
    await server.query<{ name: string }>(
      'select name from events where record_id = $1 order by seq',
      [run.id],
    )
  ).map(({ name }) => name);

test('a run is queued, runs and succeeds, with its outputs in order', async () => {
  const { tasks } = await notebook(
    'for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.05; done',
  );
  const asked = await start(tasks[0]!);
  const { run, outputs } = await finished(asked);
  expect(run).toMatchObject({ status: 'succeeded', exitCode: 0, reason: null, language: 'bash' });
  expect(Date.parse(run.startedAt as string)).toBeLessThanOrEqual(
    Date.parse(run.finishedAt as string),
  );
  expect(outputs.map(({ seq }) => seq)).toEqual(outputs.map((_, at) => at + 1));
  const said = (stream: string) =>
    outputs
      .filter((it) => it.stream === stream)
      .map((it) => it.data)
      .join('');
  expect([said('stdout'), said('stderr')]).toEqual([
    'out 1\nout 2\nout 3\n',
    'err 1\nerr 2\nerr 3\n',
  ]);
  expect(await namesOf(asked)).toEqual([
    'task-run.queued',
    'task-run.started',
    'task-run.finished',
  ]);
  const rest = await ann.get<RecordObject[]>(`/task-runs/${asked.id}/outputs?page[after]=1`);
  expect(rest.body.data.map(({ attributes }) => attributes.seq)).toEqual(
    outputs.slice(1).map(({ seq }) => seq),
  );
});

test('an exit code fails it', async () => {
  const { tasks } = await notebook('echo before; (exit 7)');
  const { run, outputs } = await finished(await start(tasks[0]!));
  expect(run).toMatchObject({ status: 'failed', exitCode: 7 });
  expect(outputs[0]!.data).toBe('before\n');
});

// In the WebAssembly sandbox a shell cell speaks only when it has ended; JavaScript speaks as it runs.
const forever = (said: string) => `console.log(${JSON.stringify(said)}); for (;;);`;

test('a timeout fails it, and the next run is served', async () => {
  const { tasks } = await notebookIn('javascript', forever('before'), 'console.log(1)');
  const { run, outputs } = await finished(await start(tasks[0]!, { timeout: 1 }));
  expect(run.status).toBe('failed');
  expect(run.reason).toBe('timeout');
  expect(outputs[0]!.data).toBe('before\n');
  expect((await finished(await start(tasks[1]!))).run.status).toBe('succeeded');
});

test('a run can be cancelled while it runs and while it waits, once', async () => {
  const { tasks } = await notebookIn('javascript', forever('started'), 'console.log(1)');
  const running = await start(tasks[0]!);
  const waiting = await start(tasks[1]!);
  const stream = await follow(ann, `/task-runs/${running.id}/outputs/stream`);
  expect((await stream.next())?.data).toMatchObject({ stream: 'stdout', data: 'started\n' });
  await stream.close();
  expect((await ann.delete(`/task-runs/${waiting.id}`)).status).toBe(200);
  expect((await ann.delete(`/task-runs/${running.id}`)).body.data.attributes.status).toBe(
    'cancelled',
  );
  expect((await finished(running)).run.status).toBe('cancelled');
  const second = await finished(waiting);
  expect([second.run.status, second.outputs]).toEqual(['cancelled', []]);
  // Cancelling what has ended answers it as it is.
  const again = await ann.delete(`/task-runs/${running.id}`);
  expect([again.status, again.body.data.attributes.status]).toEqual([200, 'cancelled']);
  expect((await namesOf(waiting)).filter((name) => name === 'task-run.finished')).toHaveLength(1);
});

test('a notebook runs from top to bottom in one session, until a cell fails', async () => {
  const good = await notebook('x=4', 'echo $((x * 10))', 'echo last');
  const run = await ann.post(`/notebooks/${good.id}/runs`, 'task-runs');
  expect(run.status).toBe(202);
  const { run: done, outputs } = await finished(run.body.data);
  expect([done.status, outputs.map(({ data }) => data).join('')]).toEqual([
    'succeeded',
    '40\nlast\n',
  ]);
  const bad = await notebook('echo a', '(exit 3)', 'echo never');
  const failed = await finished(
    (await ann.post(`/notebooks/${bad.id}/runs`, 'task-runs')).body.data,
  );
  expect([
    failed.run.status,
    failed.run.exitCode,
    failed.outputs.map(({ data }) => data).join(''),
  ]).toEqual(['failed', 3, 'a\n']);
});

test('outputs resume by Last-Event-ID without loss or double', async () => {
  const { tasks } = await notebook('for i in $(seq 1 12); do echo line $i; sleep 0.08; done');
  const run = await start(tasks[0]!);
  const seen: { seq: number; data: string }[] = [];
  let last = '0';
  for (let ended = false; !ended; ) {
    const stream = await follow(ann, `/task-runs/${run.id}/outputs/stream`, last);
    // Hangs up after every second output.
    for (let taken = 0; taken < 2 && !ended; taken++) {
      const event = await stream.next();
      ended = event === undefined || event.event === 'end';
      if (event?.event === 'output') {
        seen.push(event.data as { seq: number; data: string });
        last = event.id!;
      }
    }
    await stream.close();
  }
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, at) => at + 1));
  expect(seen.map(({ data }) => data).join('')).toBe(
    Array.from({ length: 12 }, (_, at) => `line ${at + 1}\n`).join(''),
  );
});
