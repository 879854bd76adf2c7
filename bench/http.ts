/**
 * List, get and create of files through JSON:API, with row-level security, policy and events, beside a
 * hand-written Fastify + pg handler without any of it, on the same PostgreSQL. 10,000 files in 100
 * teams, 32 connections; the two take turns, and the median round counts.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import autocannon from 'autocannon';
import pg from 'pg';
import { ownerUrlOf, readyUrl, startServer } from './support.ts';
import { median, type Row, row } from './table.ts';

type Team = { team_id: string; workspace_id: string; file_id: string };
type Shape = {
  name: string;
  request: (team: Team) => { method: 'GET' | 'POST'; path: string; body?: string };
};
type Side = { name: string; url: string; headers: Record<string, string>; shapes: Shape[] };

const rounds = 3;
const seconds = 3;
const connections = 32;
let count = 0;

export async function run(): Promise<Row[]> {
  const server = await startServer();
  const databaseUrl = await ownerUrlOf(server.dataDir);
  const { token, teams } = await seed(server.url, databaseUrl);
  const floor = spawn(
    process.execPath,
    [join(import.meta.dirname, 'hand-written.ts'), databaseUrl],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const sides = [ours(server.url, token), handWritten(await readyUrl(floor))] as const;
  try {
    const rows: Row[] = [];
    for (const [index, shape] of sides[0].shapes.entries()) {
      const results: [number[], number[]] = [[], []];
      const latency: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        for (const [at, side] of sides.entries()) {
          const result = await load(side, side.shapes[index]!, teams);
          results[at]!.push(result.rate);
          latency[at]!.push(result.p99);
        }
      }
      const note = `p99 ${median(latency[0])} ms beside ${median(latency[1])} ms`;
      rows.push(
        row(
          `http: ${shape.name}, requests/s`,
          median(results[0]),
          median(results[1]),
          sides[1].name,
          note,
        ),
      );
    }
    return rows;
  } finally {
    floor.kill('SIGTERM');
    await server.stop();
  }
}

/** One person who owns 100 teams, each with a workspace of 100 files. */
async function seed(url: string, databaseUrl: string): Promise<{ token: string; teams: Team[] }> {
  const response = await fetch(`${url}/api/v1/users/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({
      data: {
        type: 'users',
        attributes: { name: 'Bench', email: 'bench@example.com', password: 'correct horse' },
      },
    }),
  });
  const { data, meta } = (await response.json()) as {
    data: { id: string };
    meta: { accessToken: string };
  };
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    `insert into teams (id, name, slug) select uuidv7(), 'Team ' || n, 'team-' || n from generate_series(1, 100) n`,
  );
  await client.query(
    `insert into user_teams (id, team_id, user_id, role) select uuidv7(), id, $1, 'owner' from teams where not personal`,
    [data.id],
  );
  await client.query(
    `insert into workspaces (id, team_id, name, slug) select uuidv7(), id, 'Docs', 'docs' from teams where not personal`,
  );
  await client.query(`insert into files (id, team_id, workspace_id, path, folded_path, name, size)
    select uuidv7(), team_id, id, 'note-' || n || '.md', 'note-' || n || '.md', 'note-' || n || '.md', n * 100 from workspaces, generate_series(1, 100) n`);
  await client.query('vacuum analyze');
  const { rows } = await client.query<Team>(
    `select w.team_id, w.id as workspace_id, (select f.id from files f where f.workspace_id = w.id limit 1) as file_id from workspaces w where name = 'Docs'`,
  );
  await client.end();
  return { token: meta.accessToken, teams: rows };
}

const ours = (url: string, token: string): Side => ({
  name: 'Kyozo',
  url,
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.api+json' },
  shapes: [
    { name: 'list of 20', request: () => ({ method: 'GET', path: '/api/v1/files?page[size]=20' }) },
    { name: 'get', request: (team) => ({ method: 'GET', path: `/api/v1/files/${team.file_id}` }) },
    {
      name: 'create',
      request: (team) => ({
        method: 'POST',
        path: '/api/v1/files',
        body: JSON.stringify({
          data: {
            type: 'files',
            attributes: { path: `new-${++count}.md` },
            relationships: { workspace: { data: { type: 'workspaces', id: team.workspace_id } } },
          },
        }),
      }),
    },
  ],
});

const handWritten = (url: string): Side => ({
  name: 'Fastify + pg by hand',
  url,
  headers: { 'content-type': 'application/json' },
  shapes: [
    { name: 'list', request: () => ({ method: 'GET', path: '/files' }) },
    { name: 'get', request: (team) => ({ method: 'GET', path: `/files/${team.file_id}` }) },
    {
      name: 'create',
      request: (team) => ({
        method: 'POST',
        path: '/files',
        body: JSON.stringify({ path: `new-${++count}.md`, workspaceId: team.workspace_id }),
      }),
    },
  ],
});

async function load(
  side: Side,
  shape: Shape,
  teams: readonly Team[],
): Promise<{ rate: number; p99: number }> {
  let next = 0;
  const result = await autocannon({
    url: side.url,
    connections,
    duration: seconds,
    requests: [
      {
        setupRequest(request) {
          const team = teams[next++ % teams.length]!;
          const { method, path, body } = shape.request(team);
          return {
            ...request,
            method,
            path,
            body,
            headers: { ...side.headers, 'kyozo-team': team.team_id },
          };
        },
      },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${side.name} ${shape.name}: ${result.non2xx} failed, ${result.errors} errors`);
  return { rate: result.requests.average, p99: result.latency.p99 };
}
