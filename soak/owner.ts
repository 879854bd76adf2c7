import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { runningEmbedded } from '../server/src/database/embedded.ts';
import { type JobName, Queue } from '../server/src/jobs/queue.ts';
import { createLog } from '../server/src/log.ts';

/** How long jobs may take, in milliseconds: a dead worker's are taken up within 30 s. */
const patience = 120_000;

/** The embedded database of a server that runs, as its owner, and its job queue. */
export class Owner {
  readonly #pool: pg.Pool;
  readonly #queue: Queue;

  private constructor(pool: pg.Pool, queue: Queue) {
    this.#pool = pool;
    this.#queue = queue;
  }

  static async open(dataDir: string): Promise<Owner> {
    const secret = (await readFile(join(dataDir, 'secret-key'), 'utf8')).trim();
    const connectionString = await runningEmbedded(dataDir, secret);
    if (!connectionString) throw new Error('The database does not run.');
    const pool = new pg.Pool({ connectionString, max: 2 });
    pool.on('error', () => undefined);
    return new Owner(pool, await Queue.open(connectionString, createLog('silent')));
  }

  async rows<Row extends object>(text: string, values?: unknown[]): Promise<Row[]> {
    return (await this.#pool.query(text, values)).rows as Row[];
  }

  /** Adds a job for all teams. */
  add(name: JobName): Promise<void> {
    return this.#queue.add(name, null as never);
  }

  /** Adds a job and waits until all of its kind have ended. @throws Error when they take too long */
  async run(name: JobName): Promise<void> {
    await this.add(name);
    const open = `select id from jobs.job where name = $1 and state not in ('completed', 'failed', 'cancelled')`;
    for (const end = Date.now() + patience; (await this.rows(open, [name])).length > 0; ) {
      if (Date.now() > end) throw new Error(`The job ${name} does not end.`);
      await pause(100);
    }
  }

  async close(): Promise<void> {
    await this.#queue.stop();
    await this.#pool.end();
  }
}
