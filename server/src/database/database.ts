import type { Actor } from '@kyozo/resource';
import pg from 'pg';
import { fromDatabase } from './errors.ts';
import { fly, type Shape, type Statement, type TextRow } from './flight.ts';
import { Lanes } from './lanes.ts';
import { type Sql, sql, statement } from './sql.ts';
import { Turns } from './turns.ts';

/** The team of a transaction without a person: background work that a person's action started. */
export type Tenant = { teamId: string };
/** For work over all teams: row-level security shows it nothing, and only functions made for it reach further. */
export const noTeam: Tenant = { teamId: '00000000-0000-0000-0000-000000000000' };

export type Transaction = {
  /** Rows as objects of JavaScript values. */
  rows<Row>(fragment: Sql): Promise<Row[]>;
  /** Rows as text, for statements that build their JSON in SQL. */
  text(prepared: Statement): Promise<TextRow[]>;
  /** Runs work that may fail without ending the transaction: what it changed is taken back, by a savepoint. */
  attempt<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Another part's own SQL, such as the job queue's. */
  execute(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
};

/** What domains ask of the database: each call by itself, or all of them in one transaction. */
export interface Queries {
  /** One statement as an actor, rows as text. @throws KyozoError `unauthenticated` when the credential has ended */
  text(actor: Actor | Tenant, prepared: Statement): Promise<TextRow[]>;
  /** One statement as an actor, rows as objects. */
  rows<Row>(actor: Actor | Tenant, fragment: Sql): Promise<Row[]>;
  /** Several statements that stand or fall together. */
  transaction<Result>(
    actor: Actor | Tenant,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result>;
  /**
   * A transaction that waits for the row of that id, when it is its turn: until then it holds no connection,
   * which others can use meanwhile. @throws KyozoError `unavailable` for who waits too long
   */
  inTurn<Result>(
    actor: Actor | Tenant,
    id: string,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result>;
  /** What must follow a change that stands: at once, or behind the commit where one is still to come. */
  afterCommit(effect: () => void): void;
}

/** Milliseconds that one waits for what another holds. */
const lockTimeout = 10_000;

const begin: Statement = { name: 'begin', text: 'begin', values: [] };
const savepoint: Statement = { name: 'savepoint', text: 'savepoint attempt', values: [] };

/**
 * The server's way to its tables. Reads and single-statement writes go out in one flight with the
 * check that the credential still stands; several statements take a connection of their own.
 */
export class Database implements Queries {
  readonly #lanes: Lanes;
  readonly #pool: pg.Pool;
  readonly #turns = new Turns(lockTimeout);

  constructor(config: pg.ClientConfig, size: { lanes: number; pool: number }) {
    // Who waits for another's row is told before the statement's own end, and may try again.
    const options = `-c timezone=UTC -c statement_timeout=20s -c lock_timeout=${lockTimeout}`;
    const settings = { ...config, options, connectionTimeoutMillis: lockTimeout };
    this.#lanes = new Lanes(settings, size.lanes);
    // What a transaction sends without waiting goes out at once, in its order.
    this.#pool = new pg.Pool({ ...settings, max: size.pool, pipeline: true } as pg.PoolConfig);
    surviveLoss(this.#pool);
  }

  text(actor: Actor | Tenant, prepared: Statement): Promise<TextRow[]> {
    return this.#fly<TextRow>([enter(actor), prepared], 'text');
  }

  rows<Row>(actor: Actor | Tenant, fragment: Sql): Promise<Row[]> {
    return this.#fly<Row>([enter(actor), statement(fragment)], 'objects');
  }

  /** One statement outside any team: it reaches only what row-level security lets nobody own. */
  system<Row>(fragment: Sql): Promise<Row[]> {
    return this.#fly<Row>([statement(fragment)], 'objects');
  }

  /** Several statements as one transaction; rolls back when `work` throws. */
  async transaction<Result>(
    actor: Actor | Tenant,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#pool.connect().catch(fromDatabase);
    let broken: Error | undefined;
    try {
      const query = <Row>(statements: Statement[], shape: Shape) =>
        fly<Row>(client, statements, shape).catch(fromDatabase);
      // Not waited for: what follows it on this connection fails where it has failed, and it says why.
      const entered = query([begin, enter(actor)], 'text');
      entered.catch(() => undefined);
      const why = async (error: unknown) => {
        await entered;
        throw error;
      };
      const result = await work({
        rows: (fragment) => query([statement(fragment)], 'objects'),
        text: (prepared) => query<TextRow>([prepared], 'text'),
        attempt: async (attempted) => {
          await query([savepoint], 'text');
          return attempted().catch(async (error: unknown) => {
            await client.query('rollback to savepoint attempt').catch(fromDatabase);
            throw error;
          });
        },
        execute: (text, values) => client.query(text, values).catch(fromDatabase),
      }).catch(why);
      await entered;
      await client.query('commit').catch(fromDatabase);
      return result;
    } catch (error) {
      await client.query('rollback').catch((cause: Error) => {
        broken = cause;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  inTurn<Result>(
    actor: Actor | Tenant,
    id: string,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    return this.#turns.take(id, (left) =>
      this.transaction(actor, async (transaction) => {
        // Who has waited for its turn has less time left to wait for the row.
        const limit = sql`select set_config('lock_timeout', ${String(left)}, true)`;
        const waited = left < lockTimeout - 100;
        if (!waited) return work(transaction);
        const [, result] = await together(transaction.rows(limit), work(transaction));
        return result;
      }),
    );
  }

  /** Runs `work`, whose every query is in one transaction of the actor's; all of it stands, or none. */
  async atomic<Result>(actor: Actor, work: (queries: Queries) => Promise<Result>): Promise<Result> {
    const effects: (() => void)[] = [];
    const result = await this.transaction(actor, (transaction) =>
      work(joined(actor, transaction, effects)),
    );
    for (const effect of effects) effect();
    return result;
  }

  afterCommit(effect: () => void): void {
    effect();
  }

  async close(): Promise<void> {
    await Promise.all([this.#lanes.close(), this.#pool.end()]);
  }

  #fly<Row>(statements: readonly Statement[], shape: Shape): Promise<Row[]> {
    return this.#lanes.fly<Row>(statements, shape).catch(fromDatabase);
  }
}

/** Queries inside a transaction that is open; each may fail by itself, as it could outside. */
function joined(actor: Actor, transaction: Transaction, effects: (() => void)[]): Queries {
  const step = <Result>(who: Actor | Tenant, work: () => Promise<Result>): Promise<Result> => {
    if (who.teamId !== actor.teamId)
      throw new Error('A transaction stays in the team it began in.');
    return transaction.attempt(work);
  };
  return {
    text: (who, prepared) => step(who, () => transaction.text(prepared)),
    rows: (who, fragment) => step(who, () => transaction.rows(fragment)),
    transaction: (who, work) => step(who, () => work(transaction)),
    inTurn: (who, _id, work) => step(who, () => work(transaction)),
    afterCommit: (effect) => void effects.push(effect),
  };
}

/**
 * Several statements of a transaction that go out together, in their order. @throws the first failure,
 * once none of them is on its way any more
 */
export async function together<Results extends readonly Promise<unknown>[]>(
  ...statements: Results
): Promise<{ -readonly [At in keyof Results]: Awaited<Results[At]> }> {
  await Promise.allSettled(statements);
  return Promise.all(statements) as never;
}

/**
 * Lets a pool outlive the end of its connections. Idle ones have a listener of the pool's; one that is in
 * use has none, and the end of its backend between two statements would end the process.
 */
export function surviveLoss(pool: pg.Pool): void {
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
}

function enter(actor: Actor | Tenant): Statement {
  if (!('userId' in actor)) {
    return {
      name: 'enter_team',
      text: "select set_config('app.team_id', $1, true), set_config('app.user_id', '', true)",
      values: [actor.teamId],
    };
  }
  return {
    name: 'enter',
    text: 'select enter($1, $2, $3, $4, $5)',
    values: [actor.teamId, actor.userId, actor.role, actor.credential.kind, actor.credential.id],
  };
}
