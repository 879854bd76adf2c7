/**
 * 100 MiB through the encrypted disk storage, in and out as streams, beside a plain Node stream to and
 * from the disk, synced as well. Prints how far the process grew above idle.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openStorages } from '../server/src/storage/storages.ts';
import { type Row, row } from './table.ts';

const MB = 2 ** 20;
const size = 100 * MB;
const rounds = 5;
const key = { generation: 1, key: randomBytes(32) };

/** MiB per second, ours and the plain stream's: the best of some rounds that take turns. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kyozo-bench-'));
  const storages = await openStorages({
    dataDir: folder,
    keys: { current: async () => key, generation: async () => key },
  });
  const disk = storages.for('disk');
  const scope = { teamId: randomUUID(), workspaceId: randomUUID() };
  const piece = randomBytes(64 * 1024);
  const best = { up: 0, plainUp: 0, down: 0, plainDown: 0 };
  const idle = process.memoryUsage.rss();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  for (let round = 0; round < rounds; round++) {
    const plain = join(folder, `plain-${round}`);
    best.plainUp = Math.max(best.plainUp, await rate(() => plainUp(plain, pieces(piece))));
    best.plainDown = Math.max(best.plainDown, await rate(() => drain(createReadStream(plain))));
    await rm(plain);
    let address = '';
    const up = async () => {
      address = (await disk.put(scope, pieces(piece, round))).address;
    };
    best.up = Math.max(best.up, await rate(up));
    const down = async () => drain(await disk.get(scope, address));
    best.down = Math.max(best.down, await rate(down));
    await disk.delete(scope, address);
  }
  clearInterval(watch);
  await storages.close();
  await rm(folder, { recursive: true });
  console.log(
    `blobs: ${Math.round((most - idle) / MB)} MiB above idle at most, plain streams included`,
  );
  return [
    row('blobs: MiB/s in, hashed and encrypted', best.up, best.plainUp, 'a plain Node stream'),
    row('blobs: MiB/s out, opened and checked', best.down, best.plainDown, 'a plain Node stream'),
  ];
}

async function plainUp(path: string, body: Readable): Promise<void> {
  await pipeline(body, createWriteStream(path));
  const handle = await open(path, 'r+');
  await handle.sync();
  await handle.close();
}

/** Other content each round, so that nothing is there already. */
function pieces(piece: Buffer, round = 0): Readable {
  return Readable.from(
    (function* () {
      yield Buffer.alloc(piece.length, round);
      for (let at = piece.length; at < size; at += piece.length) yield piece;
    })(),
    { objectMode: false },
  );
}

const drain = (body: Readable): Promise<void> =>
  pipeline(body, new Writable({ write: (_chunk, _encoding, done) => done() }));

async function rate(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (size / MB / (performance.now() - began)) * 1_000;
}
