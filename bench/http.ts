/**
 * List, get and create of files through JSON:API and a list through GraphQL, with row-level security,
 * policy and events; beside (a) a hand-written Fastify + pg handler without any of it and (b) Directus,
 * all on the same PostgreSQL. 10,000 files in 100 teams, 32 connections.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startDirectus } from './directus.ts';
import { compare } from './http-load.ts';
import { seed } from './http-seed.ts';
import { handWritten, ours, type ShapeName, type Side } from './http-sides.ts';
import { ownerUrlOf, readyUrl, startServer } from './support.ts';
import { type Row, row } from './table.ts';

const shapes: Record<ShapeName, string> = {
  list: 'list of 20',
  get: 'get',
  create: 'create',
  graphql: 'GraphQL list of 20, nested',
};

export async function run(): Promise<Row[]> {
  const server = await startServer();
  const databaseUrl = await ownerUrlOf(server.dataDir);
  const { token, teams } = await seed(server.url, databaseUrl, { teams: 100, files: 100 });
  const floor = spawn(
    process.execPath,
    [join(import.meta.dirname, 'hand-written.ts'), databaseUrl],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const sides: Side[] = [ours(server.url, token), handWritten(await readyUrl(floor))];
  const other = await startDirectus(databaseUrl);
  if ('side' in other) sides.push(other.side);
  try {
    const rows: Row[] = [];
    for (const [shape, name] of Object.entries(shapes) as [ShapeName, string][]) {
      const [mine, ...others] = await compare(sides, shape, teams);
      for (const [at, figures] of others.entries()) {
        const note = `p99 ${mine!.p99} ms beside ${figures.p99} ms`;
        const beside = sides[at + 1]!.name;
        rows.push(row(`http: ${name}, requests/s`, mine!.rate, figures.rate, beside, note));
      }
      if ('missing' in other) {
        rows.push(
          row(
            `http: ${name}`,
            mine!.rate,
            Number.NaN,
            'Directus',
            `NOT MEASURED: ${other.missing}`,
          ),
        );
      }
    }
    return rows;
  } finally {
    floor.kill('SIGTERM');
    if ('side' in other) await other.stop();
    await server.stop();
  }
}
