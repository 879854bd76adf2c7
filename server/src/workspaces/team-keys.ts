import { randomBytes } from 'node:crypto';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { Memory } from '../memory.ts';
import { seal, unseal } from '../sealed.ts';
import type { TeamKey, TeamKeys } from '../storage/encrypted.ts';
import { StorageDamaged } from '../storage/errors.ts';

/** The key that new wrappings take, then older ones that still open what they wrapped. */
export type MasterKeys = readonly [string, ...string[]];
/** The database as its owner. */
type Owner = {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
};
type Row = { generation: number; wrapped: Buffer };

/** A node hears of a new generation within this time, in milliseconds. */
const refresh = 60_000;
const remembered = 10_000;

/** The keys of teams: made when first needed, kept wrapped by the master key in the team's own rows. */
export class StoredTeamKeys implements TeamKeys {
  readonly #database: Queries;
  readonly #masters: MasterKeys;
  readonly #current = new Memory<{ at: number; key: Promise<TeamKey> }>(remembered);
  readonly #known = new Memory<TeamKey>(remembered);

  constructor(database: Queries, masters: MasterKeys) {
    this.#database = database;
    this.#masters = masters;
  }

  current(teamId: string): Promise<TeamKey> {
    const kept = this.#current.get(teamId);
    if (kept && performance.now() - kept.at < refresh) return kept.key;
    const key = this.#newest(teamId);
    this.#current.set(teamId, { at: performance.now(), key });
    // What failed is asked for again.
    key.catch(() => this.#current.set(teamId, { at: Number.NEGATIVE_INFINITY, key }));
    return key;
  }

  async generation(teamId: string, generation: number): Promise<TeamKey> {
    const known = this.#known.get(`${teamId} ${generation}`);
    if (known) return known;
    const [row] = await this.#database.rows<Row>(
      { teamId },
      sql`select generation, wrapped from team_keys where team_id = ${teamId} and generation = ${generation}`,
    );
    if (!row) throw new StorageDamaged(`There is no key of generation ${generation}.`);
    return this.#open(teamId, row);
  }

  async #newest(teamId: string): Promise<TeamKey> {
    const find = () =>
      this.#database.rows<Row>(
        { teamId },
        sql`select generation, wrapped from team_keys where team_id = ${teamId}
          order by generation desc limit 1`,
      );
    const [row] = await find();
    if (row) return this.#open(teamId, row);
    const wrapped = wrap(teamId, { generation: 1, key: randomBytes(32) }, this.#masters);
    await this.#database.rows(
      { teamId },
      sql`insert into team_keys (team_id, generation, wrapped) values (${teamId}, 1, ${wrapped})
        on conflict do nothing`,
    );
    // Another node may have been first: what stands in the table is the key.
    const [made] = await find();
    return this.#open(teamId, made!);
  }

  #open(teamId: string, row: Row): TeamKey {
    const key = unwrap(teamId, row, this.#masters);
    this.#known.set(`${teamId} ${row.generation}`, key);
    return key;
  }
}

/**
 * Wraps every key anew with the first master key, and gives each team a new generation for what it
 * writes from now on. Runs in the owner's transaction, beside servers.
 * @throws Error when a key opens with none of the master keys; then nothing is changed
 */
export async function rotateTeamKeys(owner: Owner, masters: MasterKeys): Promise<void> {
  await owner.query('set local role kyozo_definer');
  const rows = await owner.query<Row & { team_id: string; newest: boolean }>(
    `select team_id, generation, wrapped,
       generation = max(generation) over (partition by team_id) as newest from team_keys`,
  );
  for (const row of rows) {
    const key = unwrap(row.team_id, row, masters);
    await owner.query('update team_keys set wrapped = $3 where team_id = $1 and generation = $2', [
      row.team_id,
      row.generation,
      wrap(row.team_id, key, masters),
    ]);
    if (!row.newest) continue;
    const next = { generation: row.generation + 1, key: randomBytes(32) };
    await owner.query(
      'insert into team_keys (team_id, generation, wrapped) values ($1, $2, $3) on conflict do nothing',
      [row.team_id, next.generation, wrap(row.team_id, next, masters)],
    );
  }
  await owner.query('reset role');
}

/** The team and generation are sealed with the key, so that a row moved elsewhere does not open. */
function wrap(teamId: string, { generation, key }: TeamKey, [master]: MasterKeys): Buffer {
  const text = Buffer.from(key).toString('base64');
  return seal(`${teamId} ${generation} ${text}`, master, 'team keys');
}

function unwrap(teamId: string, { generation, wrapped }: Row, masters: MasterKeys): TeamKey {
  for (const [at, master] of masters.entries()) {
    let text: string;
    try {
      text = unseal(wrapped, master, 'team keys');
    } catch (error) {
      if (at < masters.length - 1) continue;
      throw new StorageDamaged('The master key is not the one that wrapped the key.', error);
    }
    const [team, number, key] = text.split(' ');
    if (team !== teamId || Number(number) !== generation)
      throw new StorageDamaged('A key lies in the wrong row.');
    return { generation, key: Buffer.from(key!, 'base64') };
  }
  throw new TypeError('no master key');
}
