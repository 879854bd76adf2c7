/**
 * One writer and 100 readers of one document: updates delivered to readers a second, by our server
 * (authenticated, every update durable) beside stock Hocuspocus with no persistence. The load is raw
 * sockets in a process of its own; the two servers take turns, and the median of the rounds' ratios
 * counts. Latency is measured apart, at a pace that neither has to queue at.
 */
import { fork, spawn } from 'node:child_process';
import { join } from 'node:path';
import { readyUrl, startServer } from './support.ts';
import { median, print, type Row } from './table.ts';

export type Load = {
  url: string;
  document: string;
  token: string;
  readers: number;
  updates: number;
  /** Milliseconds between two updates; 0 is as fast as it goes. */
  pace: number;
};
type Shape = Pick<Load, 'updates' | 'pace'>;
export type Measured = { delivered: number; p50: number; p99: number };

const rounds = 9;
const readers = 100;
const flood = { updates: 4_000, pace: 0 };
const typing = { updates: 150, pace: 20 };

export async function run(): Promise<Row[]> {
  const server = await startServer();
  const stock = spawn(process.execPath, [join(import.meta.dirname, 'stock-hocuspocus.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stockUrl = (await readyUrl(stock)).replace('http', 'ws');
  const ourUrl = `${server.url.replace('http', 'ws')}/collaboration`;
  const { token, document } = await newDocument(server.url);
  const us = async (shape: Shape) =>
    load({ ...shape, url: ourUrl, document: await document(), token, readers });
  let count = 0;
  const them = (shape: Shape) =>
    load({ ...shape, url: stockUrl, document: `stock-${++count}`, token, readers });
  try {
    const flooded: [Measured, Measured][] = [];
    for (let round = 0; round < rounds; round++) flooded.push([await us(flood), await them(flood)]);
    const [ours, theirs] = [await us(typing), await them(typing)];
    const figure = ({ p50, p99 }: Measured) => `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`;
    return [
      {
        name: 'collaboration: 1 × 100, delivered/s',
        ours: median(flooded.map(([it]) => it.delivered)),
        peer: median(flooded.map(([, it]) => it.delivered)),
        peerName: 'Hocuspocus, nothing stored',
        ratio: median(flooded.map(([it, peer]) => it.delivered / peer.delivered)),
        note: `at ${1_000 / typing.pace} updates/s p50 / p99 ${figure(ours)} beside ${figure(theirs)}`,
      },
    ];
  } finally {
    stock.kill('SIGTERM');
    await server.stop();
  }
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

if (import.meta.main) print(await run());
