import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Actor } from '@kyozo/resource';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { tooOld } from '../../src/database/fixed-versions.ts';
import { prepareRoles } from '../../src/database/migrate.ts';
import { sql } from '../../src/database/sql.ts';
import { kyozo } from '../start/process.ts';
import { register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let database: Database;
beforeAll(async () => {
  server = await startServer();
  const urls = await prepareRoles(server.databaseUrl, server.config.secretKey);
  database = new Database({ connectionString: urls.server }, { lanes: 2, pool: 4 });
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

async function member(): Promise<Actor & { membership: string }> {
  const person = await register(server.url);
  const [row] = await server.query<{ id: string; team: string; session: string }>(
    `select m.id, m.team_id as team, s.id as session from user_teams m join sessions s on s.user_id = m.user_id
     where m.user_id = $1`,
    [person.id],
  );
  const credential = { kind: 'session' as const, id: row!.session };
  const { id: membership, team: teamId } = row!;
  return { userId: person.id, teamId, role: 'owner', credential, scopes: ['write'], membership };
}

test('A2.20 versions whose policies leak are known', () => {
  const refused = [90624, 130022, 140019, 150000, 150013, 160000, 160009, 170000, 170005];
  const taken = [150014, 150018, 160010, 160014, 170006, 170010, 180000, 180004, 190000];
  for (const version of refused)
    expect([version, tooOld(version)]).toEqual([version, expect.any(String)]);
  for (const version of taken) expect([version, tooOld(version)]).toEqual([version, undefined]);
});

test.each(['150013', '160009', '170005', '140019'])(
  'A2.20 the server does not start on %s, and says so in one line',
  async (version) => {
    const old = await pretending(version);
    try {
      const { code, stderr } = await kyozo(['serve'], {
        ...{ DATABASE_URL: old.url, SECRET_KEY: 's'.repeat(32), PORT: '0' },
        DATA_DIR: `${server.dataDir}/${version}`,
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Kyozo Store cannot start: PostgreSQL 1\d\.\d+ [^\n]*\n$/);
      expect(old.asked).toHaveLength(1);
    } finally {
      old.close();
    }
  },
);

/** Enough of PostgreSQL's protocol to say a version; what it is asked. */
async function pretending(version: string) {
  const asked: string[] = [];
  const message = (type: string, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    const head = Buffer.alloc(5, type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const int = (value: number, bytes: 2 | 4) => {
    const out = Buffer.alloc(bytes);
    out.writeIntBE(value, 0, bytes);
    return out;
  };
  const ready = message('Z', Buffer.from('I'));
  const listener = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', int(0, 4)), ready]));
      socket.on('data', (data) => {
        if (String.fromCharCode(data[0]!) !== 'Q') return;
        asked.push(data.subarray(5, -1).toString());
        const column = [Buffer.from('version\0'), int(0, 4), int(0, 2), int(25, 4), int(-1, 2)];
        socket.write(
          Buffer.concat([
            message('T', int(1, 2), ...column, int(-1, 4), int(0, 2)),
            message('D', int(1, 2), int(version.length, 4), Buffer.from(version)),
            message('C', Buffer.from('SELECT 1\0')),
            ready,
          ]),
        );
      });
    });
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  return { url: `postgres://a:b@127.0.0.1:${port}/x`, asked, close: () => listener.close() };
}

test('A2.21 once a revocation has committed no statement gives a row, locked or not: 60 races', async () => {
  for (let round = 0; round < 60; round++) {
    const actor = await member();
    await database.rows(
      actor,
      sql`insert into workspaces (id, team_id, name, slug) values (${crypto.randomUUID()}, ${actor.teamId}, 'x', 'x')`,
    );
    let committed = false;
    const late: boolean[] = [];
    const reading = async () => {
      for (let index = 0; index < 12; index++) {
        const after = committed;
        const rows = await database
          .rows(
            actor,
            index % 2 ? sql`select id from workspaces for update` : sql`select id from workspaces`,
          )
          .catch(() => []);
        if (after) late.push(rows.length > 0);
      }
    };
    const revoking = async () => {
      const how =
        round % 2 ? 'delete from sessions where id = $1' : 'delete from user_teams where id = $1';
      await server.query('alter table user_teams disable trigger user_teams_owner');
      await server.query(how, [round % 2 ? actor.credential.id : actor.membership]);
      committed = true;
    };
    await Promise.all([reading(), reading(), revoking()]);
    await database.rows(actor, sql`select id from workspaces`).then(
      () => late.push(true),
      () => late.push(false),
    );
    expect([round, late.includes(true)]).toEqual([round, false]);
  }
  await server.query('alter table user_teams enable trigger user_teams_owner');
});

test('A2.22 nothing of ours notifies by the database, whose lock every commit would wait for', async () => {
  const functions = await server.query(
    `select proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('public', 'jobs') and p.prosrc ~* '(pg_notify|\\mnotify\\s+[a-z"])'`,
  );
  expect(functions).toEqual([]);
  for (const folder of ['../../src', '../../migrations']) {
    const path = join(import.meta.dirname, folder);
    for (const name of await readdir(path, { recursive: true })) {
      if (!/\.(ts|sql)$/.test(name)) continue;
      const text = await readFile(join(path, name), 'utf8');
      expect([name, /pg_notify|^\s*(notify|listen)\s+[a-z_]+;/im.test(text)]).toEqual([
        name,
        false,
      ]);
    }
  }
});
