import { setTimeout as pause } from 'node:timers/promises';
import { KyozoError } from '@kyozo/resource';
import * as Y from 'yjs';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';

type Pending = { update: Uint8Array; userId: string | undefined };
/** Somebody who waits until as many updates are durable as had been appended when they asked. */
type Waiting = { count: number; resolve: () => void; reject: (error: Error) => void };

/** How long the next write gathers while people type without a pause: fewer, larger transactions. */
const gather = 10;
/** Bytes of updates that are put together into one row: a burst of typing is less, and quickly merged. */
const mostMerged = 256 * 1024;
/** How long the writer waits after a failure before it tries again, in milliseconds. */
const retryDelays = [50, 200, 1_000, 5_000];

/**
 * The durable log of one live document. Updates that arrive while a write is running go out together
 * in the next one, so the log costs one small insert a document and round trip however many type.
 * A failed write is tried again until it succeeds; meanwhile nothing is acknowledged. The log ends, and
 * says so to `gone`, when the file that it belongs to is no more.
 */
export class UpdateLog {
  readonly #database: Database;
  readonly #teamId: string;
  readonly #fileId: string;
  readonly #gone: () => void;
  #pending: Pending[] = [];
  /** Client ids and whose they are, that are not in the database yet. */
  #owners = new Map<number, string>();
  #waiting: Waiting[] = [];
  #appended = 0;
  #written = 0;
  #seq: number;
  #running = false;
  #stopped = false;

  constructor(
    database: Database,
    teamId: string,
    fileId: string,
    seq: number,
    gone: () => void = () => undefined,
  ) {
    this.#gone = gone;
    this.#database = database;
    this.#teamId = teamId;
    this.#fileId = fileId;
    this.#seq = seq;
  }

  /** The number of the newest durable update. */
  get seq(): number {
    return this.#seq;
  }

  get isClean(): boolean {
    return this.#written === this.#appended;
  }

  append(update: Uint8Array, userId: string | undefined): void {
    this.#pending.push({ update, userId });
    this.#appended += 1;
    if (!this.#running) void this.#run();
  }

  /** Keeps whose a client id is; before any edit that is made with it, or along with it. */
  own(client: number, person: string): void {
    this.#owners.set(client, person);
    if (!this.#running) void this.#run();
  }

  /**
   * Resolves when everything that was appended so far is durable; what comes later is not waited for,
   * or nobody who types without a pause would ever hear. @throws Error when it never will be
   */
  durable(): Promise<void> {
    if (this.isClean) return Promise.resolve();
    if (this.#stopped) return Promise.reject(givenUp());
    return new Promise((resolve, reject) =>
      this.#waiting.push({ count: this.#appended, resolve, reject }),
    );
  }

  /** Gives up what could not be written: the process ends, or the file is no more. */
  stop(): void {
    this.#stopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(givenUp());
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Lets the updates of one turn of the event loop go out together.
    await new Promise(setImmediate);
    for (let failures = 0; this.#isBehind && !this.#stopped; ) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#writeOwners();
        if (batch.length > 0) await this.#write(batch);
        failures = 0;
        this.#release(batch.length);
        if (this.#isBehind) await pause(gather);
      } catch (error) {
        this.#pending = [...batch, ...this.#pending];
        if (isGone(error)) {
          this.stop();
          this.#gone();
          break;
        }
        const delay = retryDelays[Math.min(failures++, retryDelays.length - 1)];
        await pause(delay!);
        await this.#catchUp();
      }
    }
    this.#running = false;
  }

  get #isBehind(): boolean {
    return this.#pending.length > 0 || this.#owners.size > 0;
  }

  async #writeOwners(): Promise<void> {
    if (this.#owners.size === 0) return;
    const owners = new Map(this.#owners);
    await this.#database.rows(
      { teamId: this.#teamId },
      sql`insert into document_clients (file_id, team_id, client_id, user_id)
        select ${this.#fileId}::uuid, ${this.#teamId}::uuid, client, person
        from unnest(${[...owners.keys()]}::bigint[], ${[...owners.values()]}::uuid[]) as new (client, person)
        on conflict do nothing`,
    );
    for (const client of owners.keys()) this.#owners.delete(client);
  }

  #release(written: number): void {
    this.#written += written;
    const still = this.#waiting.findIndex(({ count }) => count > this.#written);
    const free = this.#waiting.splice(0, still < 0 ? this.#waiting.length : still);
    for (const { resolve } of free) resolve();
  }

  /** One row a person, so that authorship is kept and a burst is one row; what is large has its own. */
  async #write(batch: readonly Pending[]): Promise<void> {
    const rows = [...Map.groupBy(batch, ({ userId }) => userId)]
      .flatMap(([userId, updates]) =>
        merged(updates.map(({ update }) => update)).map((bytes) => ({ userId, bytes })),
      )
      .map(
        ({ userId, bytes }, index) =>
          sql`(${this.#fileId}::uuid, ${this.#teamId}::uuid, ${this.#seq + index + 1}::bigint, ${Buffer.from(bytes)}::bytea, ${userId ?? null}::uuid)`,
      );
    await this.#database.rows(
      { teamId: this.#teamId },
      sql`insert into document_updates (file_id, team_id, seq, update, user_id) values ${sql.join(rows)}`,
    );
    this.#seq += rows.length;
  }

  /** A write may have been committed and only its answer lost: then its numbers are taken. */
  async #catchUp(): Promise<void> {
    const newest = await this.#database
      .rows<{ seq: number | null }>(
        { teamId: this.#teamId },
        sql`select max(seq) as seq from document_updates where file_id = ${this.#fileId}`,
      )
      .catch(() => []);
    this.#seq = Math.max(this.#seq, newest[0]?.seq ?? 0);
  }
}

function merged(updates: Uint8Array[]): Uint8Array[] {
  const size = updates.reduce((sum, update) => sum + update.length, 0);
  return updates.length > 1 && size <= mostMerged ? [Y.mergeUpdates(updates)] : updates;
}

/** Whether the row that updates and client ids refer to is no more, as after a purge. */
const isGone = (error: unknown): boolean =>
  error instanceof KyozoError && error.code === 'not_found';

const givenUp = () => new Error('The log of a live document has been given up.');
