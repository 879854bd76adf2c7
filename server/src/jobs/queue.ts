import { type Db, type JobResult, PgBoss } from 'pg-boss';
import { errorMessage } from '../errors.ts';
import type { Log } from '../log.ts';

/** What each job is given. A task adds its own name here, by declaration merging. */
export interface JobData {
  /** Whatever failed for good, as it was; kept for two weeks. */
  'dead-letters': object;
}
export type JobName = keyof JobData;
export type Job<Name extends JobName> = { id: string; data: JobData[Name]; signal: AbortSignal };
/** A transaction that a job is added in: it exists when, and only when, that transaction commits. */
export type Within = { execute(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> };
export type Task<Name extends JobName> = {
  name: Name;
  /** Does the work; it may run a second time, for the first try may have ended anywhere. */
  run(job: Job<Name>): Promise<void>;
  /** Jobs taken and settled together, two such batches at a time on a node; 50 when absent. */
  batch?: number;
  /** Seconds that one may take, 600 when absent. One whose worker dies is taken up long before. */
  longest?: number;
  /** When the server itself adds one, as cron in UTC; of several nodes one does. */
  cron?: string;
};

const schema = 'jobs';
const deadLetters = 'dead-letters';
const policy = {
  deadLetter: deadLetters,
  retryLimit: 10,
  retryDelay: 2,
  retryBackoff: true,
  retryDelayMax: 3_600,
  expireInSeconds: 600,
  // A worker that says nothing for this long has died, and its job goes to another.
  heartbeatSeconds: 10,
  notify: true,
};

/** Makes or updates the tables of the queue, as their owner; the server may only use them. */
export async function prepareJobs(ownerUrl: string): Promise<void> {
  const boss = new PgBoss({
    connectionString: ownerUrl,
    schema,
    max: 2,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  boss.on('error', () => undefined);
  await boss.start();
  await boss.getDb().executeSql(`
    grant usage on schema ${schema} to kyozo_server, kyozo_auth;
    grant select, insert, update, delete on all tables in schema ${schema} to kyozo_server, kyozo_auth;
    grant usage on all sequences in schema ${schema} to kyozo_server, kyozo_auth;
    grant execute on all functions in schema ${schema} to kyozo_server, kyozo_auth;`);
  await boss.stop({ graceful: false });
}

/**
 * Work that outlives the request and the process, on the same PostgreSQL (pg-boss). A job is done at
 * least once: one whose worker was killed is taken up within 30 s. Failures are tried again, later and
 * later, ten times; then the job lies among the dead letters.
 */
export class Queue {
  readonly #boss: PgBoss;
  readonly #log: Log;

  private constructor(boss: PgBoss, log: Log) {
    this.#boss = boss;
    this.#log = log;
  }

  /** Connects as the server's role; `prepareJobs` has run. */
  static async open(serverUrl: string, log: Log): Promise<Queue> {
    const boss = new PgBoss({
      connectionString: serverUrl,
      schema,
      max: 4,
      migrate: false,
      createSchema: false,
      // The owner's business, and rare.
      reindex: false,
      useListenNotify: true,
      superviseIntervalSeconds: 3,
      monitorIntervalSeconds: 3,
    });
    boss.on('error', (error) => log.warn({ err: error }, 'jobs'));
    await boss.start();
    await boss.createQueue(deadLetters, { deleteAfterSeconds: 14 * 86_400 });
    return new Queue(boss, log);
  }

  /** Adds a job; `within` a transaction it becomes true with it. */
  async add<Name extends JobName>(name: Name, data: JobData[Name], within?: Within): Promise<void> {
    const db: Db | undefined = within && {
      executeSql: (text, values) => within.execute(text, values),
    };
    await this.#boss.send(name, data, db && { db });
  }

  /** Takes up a task's jobs on this node, from now on. */
  async start<Name extends JobName>(task: Task<Name>): Promise<void> {
    const longest = task.longest ?? policy.expireInSeconds;
    await this.#boss.createQueue(task.name, { ...policy, expireInSeconds: longest });
    const options = {
      batchSize: task.batch ?? 50,
      burstWhenBatchFull: true,
      localConcurrency: 2,
      perJobResults: true,
      pollingIntervalSeconds: 1,
      notifyPollingIntervalSeconds: 2,
    } as const;
    await this.#boss.work<JobData[Name], unknown, typeof options>(task.name, options, (jobs) =>
      Promise.all(jobs.map((job) => this.#run(task, job))),
    );
    if (task.cron) await this.#boss.schedule(task.name, task.cron, null, { missed: 'once' });
  }

  async #run<Name extends JobName>(task: Task<Name>, job: Job<Name>): Promise<JobResult> {
    try {
      await task.run(job);
      return { id: job.id, status: 'completed' };
    } catch (error) {
      this.#log.warn({ err: error, job: job.id, task: task.name }, 'job failed');
      return { id: job.id, status: 'failed', output: { message: errorMessage(error) } };
    }
  }

  /** @throws Error when the queue cannot be reached */
  async check(): Promise<void> {
    await this.#boss.getDb().executeSql('select 1');
  }

  /** Waits for the jobs in hand, at most ten seconds; the rest is taken up later, or elsewhere. */
  async stop(): Promise<void> {
    await this.#boss.stop({ graceful: true, timeout: 10_000 });
  }
}
