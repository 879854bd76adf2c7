import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { tooOld } from './fixed-versions.ts';

const directory = new URL('../../migrations/', import.meta.url);
/** Any number that nobody else uses: two servers that start at once migrate one after the other. */
const lock = 5_077_126_001;

/**
 * Brings the database to the newest schema, forward only. A migration's number is claimed in the same
 * transaction that runs its text. @throws Error when the database is newer than this program, or
 * its server is one whose row-level security has known holes
 */
export async function migrate(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows: about } = await client.query<{ version: string }>(
      `select current_setting('server_version_num') as version`,
    );
    const refusal = tooOld(Number(about[0]!.version));
    if (refusal) throw new Error(refusal);
    await client.query('select pg_advisory_lock($1)', [lock]);
    await client.query(
      'create table if not exists migrations (number integer primary key, name text not null, applied_at timestamptz not null default now())',
    );
    const { rows } = await client.query<{ number: number }>('select number from migrations');
    const applied = new Set(rows.map((row) => row.number));
    const files = (await readdir(directory)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort();
    const numberOf = (name: string) => Number(name.slice(0, 4));
    const newest = Math.max(0, ...applied);
    const known = Math.max(...files.map(numberOf));
    if (newest > known) {
      throw new Error(`The database is at schema ${newest}, this program knows only ${known}.`);
    }
    for (const name of files) {
      const number = numberOf(name);
      if (!applied.has(number)) await apply(client, number, name);
    }
  } finally {
    await client.end();
  }
}

async function apply(client: pg.Client, number: number, name: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query('insert into migrations (number, name) values ($1, $2)', [number, name]);
    await client.query(await readFile(new URL(name, directory), 'utf8'));
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    throw new Error(`Migration ${name} failed: ${(cause as Error).message}`, { cause });
  }
}

export type LoginRole = 'server' | 'auth';

/**
 * Makes the login roles of this database, whose only right is to be `kyozo_server` or `kyozo_auth`.
 * Their passwords follow from the secret key, so nothing has to be stored.
 */
export async function prepareRoles(
  ownerUrl: string,
  secretKey: string,
): Promise<Record<LoginRole, string>> {
  const client = new pg.Client({ connectionString: ownerUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const database = new URL(ownerUrl).pathname.slice(1) || 'postgres';
    const urls = {} as Record<LoginRole, string>;
    for (const role of ['server', 'auth'] as const) {
      const tag = createHmac('sha256', secretKey)
        .update(`role ${database}`)
        .digest('hex')
        .slice(0, 12);
      const name = `kyozo_${role}_${tag}`;
      const password = createHmac('sha256', secretKey)
        .update(`password ${database} ${role}`)
        .digest('hex');
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name]);
      // Name and password are letters, digits and underscores of our own making.
      if (rowCount === 0)
        await client.query(
          `create role ${name} login nosuperuser nobypassrls in role kyozo_${role}`,
        );
      await client.query(`alter role ${name} password '${password}'`);
      const url = new URL(ownerUrl);
      url.username = name;
      url.password = password;
      urls[role] = url.href;
    }
    return urls;
  } finally {
    await client.end();
  }
}
