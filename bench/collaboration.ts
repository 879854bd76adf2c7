/**
 * One writer and 100 readers of one document: updates delivered to readers a second, by our server
 * (authenticated, every update durable) beside stock Hocuspocus with no persistence. The load is raw
 * sockets in a process of its own; the two servers take turns, and the median round counts.
 */
import { fork, spawn } from 'node:child_process';
import { join } from 'node:path';
import { readyUrl, startServer } from './support.ts';
import { median, type Row, row } from './table.ts';

export type Load = {
  url: string;
  document: string;
  token: string;
  readers: number;
  updates: number;
};
export type Measured = { delivered: number; p50: number; p99: number };

const rounds = 5;
const readers = 100;
const updates = 1_500;

export async function run(): Promise<Row[]> {
  const server = await startServer();
  const stock = spawn(process.execPath, [join(import.meta.dirname, 'stock-hocuspocus.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stockUrl = (await readyUrl(stock)).replace('http', 'ws');
  const { token, document } = await newDocument(server.url);
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      ours.push(
        await load({
          url: `${server.url.replace('http', 'ws')}/collaboration`,
          document: await document(),
          token,
          readers,
          updates,
        }),
      );
      theirs.push(
        await load({ url: stockUrl, document: `stock-${round}`, token, readers, updates }),
      );
    }
  } finally {
    stock.kill('SIGTERM');
    await server.stop();
  }
  const of = (results: Measured[], name: keyof Measured) =>
    median(results.map((result) => result[name]));
  const note = `p50 ${of(ours, 'p50').toFixed(1)} ms beside ${of(theirs, 'p50').toFixed(1)} ms, p99 ${of(ours, 'p99').toFixed(1)} beside ${of(theirs, 'p99').toFixed(1)}`;
  return [
    row(
      'collaboration: 1 × 100, delivered/s',
      of(ours, 'delivered'),
      of(theirs, 'delivered'),
      'Hocuspocus, nothing stored',
      note,
    ),
  ];
}

function load(task: Load): Promise<Measured> {
  const child = fork(join(import.meta.dirname, 'collaboration-load.ts'));
  child.send(task);
  return new Promise((resolve, reject) => {
    child.once('message', (measured) => resolve(measured as Measured));
    child.once('exit', (code) => reject(new Error(`The load ended with code ${code}.`)));
  });
}

async function newDocument(
  url: string,
): Promise<{ token: string; document: () => Promise<string> }> {
  const post = async (path: string, data: object, token?: string) => {
    const headers = {
      'content-type': 'application/vnd.api+json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    const response = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ data }),
    });
    return (await response.json()) as { data: { id: string }; meta: { accessToken: string } };
  };
  const attributes = { name: 'Bench', email: 'bench@example.com', password: 'correct horse' };
  const token = (await post('/users/register', { type: 'users', attributes })).meta.accessToken;
  const workspace = (
    await post('/workspaces', { type: 'workspaces', attributes: { name: 'Bench' } }, token)
  ).data;
  let count = 0;
  return {
    token,
    async document() {
      const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
      const made = await post(
        '/files',
        {
          type: 'files',
          attributes: { path: `d${++count}.md`, content: '# Bench\n' },
          relationships,
        },
        token,
      );
      return made.data.id;
    },
  };
}
