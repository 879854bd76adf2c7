import pg from 'pg';
import { surviveLoss } from '../database/database.ts';
import { fromDatabase } from '../database/errors.ts';
import type { Within } from '../jobs/queue.ts';

/** Statements of the auth role, which alone reaches passwords, tokens and sessions; also within a transaction. */
export interface AuthQueries extends Within {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** What must follow a change that stands: at once, or behind the commit where one is still to come. */
  afterCommit(effect: () => void): void;
}

/** The auth role's way to the database. It knows no teams: what it does in them goes by definer functions. */
export class AuthDatabase implements AuthQueries {
  readonly pool: pg.Pool;

  constructor(connectionString: string) {
    const options = '-c timezone=UTC -c statement_timeout=20s';
    this.pool = new pg.Pool({ connectionString, max: 5, options });
    surviveLoss(this.pool);
  }

  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return on(this.pool).query<Row>(text, values);
  }

  execute(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> {
    return on(this.pool).execute(text, values);
  }

  afterCommit(effect: () => void): void {
    effect();
  }

  /** Several statements that stand or fall together. */
  async transaction<Result>(work: (queries: AuthQueries) => Promise<Result>): Promise<Result> {
    const client = await this.pool.connect().catch(fromDatabase);
    const effects: (() => void)[] = [];
    let broken: Error | undefined;
    try {
      await client.query('begin').catch(fromDatabase);
      const result = await work({
        ...on(client),
        afterCommit: (effect) => void effects.push(effect),
      });
      await client.query('commit').catch(fromDatabase);
      for (const effect of effects) effect();
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

  close(): Promise<void> {
    return this.pool.end();
  }
}

const on = (client: pg.Pool | pg.PoolClient): Omit<AuthQueries, 'afterCommit'> => ({
  async query<Row extends object>(text: string, values: readonly unknown[] = []) {
    const { rows } = await client.query<Row>(text, [...values]).catch(fromDatabase);
    return rows;
  },
  execute: (text, values) => client.query(text, values).catch(fromDatabase),
});
