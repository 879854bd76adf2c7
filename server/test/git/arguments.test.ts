import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openToReaders } from '../../src/file-modes.ts';
import { GIT_ENVIRONMENT } from '../../src/storage/git/environment.ts';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { addressOf, must, pushByHand, temporary } from './repository.ts';

/** In every text that comes from outside, so that it is known wherever it turns up. */
const mark = 'pwned';
/** What git, a shell or a transport would take for more than a name. */
const hostile = [
  `-${mark}`,
  `--upload-pack=touch ${mark}`,
  `--output=${mark}`,
  `--exec=${mark}`,
  `ext::sh -c ${mark}`,
  `EXT::sh -c ${mark}`,
  `@{0}${mark}`,
  `${mark}\n--help`,
  `$(touch ${mark})`,
  `\`touch ${mark}\``,
  `:(glob)${mark}`,
];

let server: TestServer;
let ann: Person;
let place: Awaited<ReturnType<typeof temporary>>;
let records: string;
const { PATH } = GIT_ENVIRONMENT;
beforeAll(async () => {
  place = await temporary();
  await chmod(place.folder, 0o755);
  records = join(place.folder, 'records');
  await mkdir(records);
  await chmod(records, 0o777);
  const programs = join(place.folder, 'bin');
  await mkdir(programs);
  await recorder(join(programs, 'git'));
  const bwrap = join(programs, 'bwrap');
  await recorder(bwrap);
  // A server that ran before in this process has made new files private, and a sandbox's user runs these.
  await openToReaders(programs);
  GIT_ENVIRONMENT.PATH = `${programs}:${PATH}`;
  server = await startServer({ bwrap });
  ann = await register(server.url);
});
afterAll(async () => {
  GIT_ENVIRONMENT.PATH = PATH;
  await server.stop();
  await place.remove();
});

test('A6.62 nothing that comes from outside is an argument of a program', {
  timeout: 120_000,
}, async () => {
  const workspace = await ann.workspace(`--upload-pack=${mark}`);
  const ours = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
  const address = await addressOf(ann, workspace);
  await ann.file(workspace, 'a.md', `one\n\n${mark}\n`);
  await Promise.all(
    hostile.map((path) => ann.post('/files', 'files', { path, content: mark }, ours)),
  );

  // A push from outside: paths, messages, authors, and names of branches that git's client would not send.
  const clone = join(place.folder, 'clone');
  await must(place.folder, 'clone', '-q', address, 'clone');
  const names = hostile.filter((name) => !name.includes('\n'));
  for (const [at, name] of names.entries()) {
    await writeFile(join(clone, `${name.replaceAll(/[:*"`]/g, '_')}.${at}`), name);
    await must(clone, 'add', '-A');
    const author = `${name.replaceAll(/[<>]/g, '')} <${mark}-${at}@example.com>`;
    await must(clone, 'commit', '-q', `--author=${author}`, `--message=${name}`);
  }
  await must(clone, 'push', '-q', 'origin', 'HEAD:main');
  await ann.file(workspace, 'later.md', 'later\n');
  await writeFile(join(clone, 'a.md'), `one\n\n${mark} again\n`);
  await must(clone, 'commit', '-q', '-a', '-m', mark);
  await must(clone, 'push', '-q', 'origin', `HEAD:topic-${mark}`, `HEAD:$(${mark})`);
  const oid = await must(clone, 'rev-parse', 'HEAD');
  const pack = execFileSync('git', ['-C', clone, 'pack-objects', '--stdout', '-q'], { input: '' });
  const zero = '0'.repeat(40);
  const lines = hostile.map((name) => `${zero} ${oid} refs/heads/${name}`);
  expect(await pushByHand(address, lines, pack)).toContain('unpack ok');
  for (const name of names) {
    const bare = await pushByHand(address, [`${zero} ${name} refs/heads/x`], pack);
    expect(bare).not.toContain('ok refs/heads/x');
  }

  // The same by the API, which reads history, merges and makes branches of what it is given.
  const listed = `/workspaces/${workspace.id}/branches?page[limit]=100`;
  const branches = (await ann.get<{ id: string; attributes: { name: string } }[]>(listed)).body
    .data;
  const topic = branches.find(({ attributes }) => attributes.name === `topic-${mark}`)!;
  for (const name of hostile) {
    const text = encodeURIComponent(name);
    await ann.post('/branches', 'branches', { name }, ours);
    await ann.post('/branches', 'branches', { name: `n/${name}`, from: name }, ours);
    await ann.get(`/branches/${topic.id}/changes?filePath=${text}`);
    await ann.get(`/workspaces/${workspace.id}/commits?branchName=${text}`);
    await ann.get(`/workspaces/${workspace.id}/commits?page[after]=${text}`);
    const asked = await fetch(`${server.url}/git/${text}/${text}.git/info/refs?service=${text}`, {
      headers: { authorization: `Basic ${btoa(`x:${ann.token}`)}`, 'git-protocol': name },
    }).catch((error: TypeError) => error);
    // A line feed cannot be in a header at all.
    if (!(asked instanceof Error)) expect(asked.status).toBe(404);
  }
  expect((await ann.get(`/branches/${topic.id}/changes`)).status).toBe(200);
  expect((await ann.get(`/workspaces/${workspace.id}/commits?branchName=main`)).status).toBe(200);
  expect((await ann.get(`/workspaces/${workspace.id}/commits`)).status).toBe(200);
  const merged = await ann.post(`/branches/${topic.id}/merge`, 'branches', {});
  expect(merged.status).toBe(200);
  await must(clone, 'fetch', '-q', 'origin');

  // A cell: its text goes in by a pipe, and its notebook's name nowhere.
  const notebook = await ann.file(
    workspace,
    `${mark}.md`,
    `\`\`\`bash {name=${mark}}\necho ${mark}\n\`\`\`\n`,
  );
  const { id } = (await ann.get(`/files/${notebook.id}/notebook`)).body.data;
  const [task] = (await ann.get<{ id: string }[]>(`/notebooks/${id}/tasks`)).body.data;
  const run = (await ann.post(`/tasks/${task!.id}/runs`, 'task-runs', {})).body.data;
  const said = await (await ann.fetch(`/task-runs/${run.id}/outputs/stream`)).text();
  expect(said).toContain(mark);

  const runs = await recorded();
  const commands = new Set(
    runs.map((args) => args.find((arg) => /^[a-z]+-[a-z-]+$|^log$/.test(arg))),
  );
  for (const command of [
    ...['upload-pack', 'index-pack', 'rev-list', 'cat-file', 'diff-tree', 'merge-base', 'ls-tree'],
    'log',
  ])
    expect(commands, command).toContain(command);
  expect(runs.some(([program]) => program!.endsWith('/bwrap'))).toBe(true);
  expect(runs.flat().filter((arg) => arg.includes(mark))).toEqual([]);
});

/** A program that writes down its arguments and then becomes the one that it is named after. */
async function recorder(path: string): Promise<void> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const real = execFileSync('which', [name]).toString().trim();
  const script = `#!/bin/sh\nprintf '%s\\0' "$0" "$@" '' >>'${records}/'$$\nexec '${real}' "$@"\n`;
  await writeFile(path, script, { mode: 0o755 });
}

/** What was run, program first. */
async function recorded(): Promise<string[][]> {
  const files = await readdir(records);
  const texts = await Promise.all(files.map((file) => readFile(join(records, file), 'utf8')));
  return texts.flatMap((text) =>
    text
      .split('\0\0')
      .filter((it) => it !== '')
      .map((it) => it.split('\0')),
  );
}
