import { v7 as uuidv7 } from 'uuid';
import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Output } from '../runtimes/runtime.ts';

/** Pieces of one stream that come within this many milliseconds are one output; more for a run that has said much. */
const window = { first: 30, most: 1_000 };
/** The most rows of one statement: each has seven parameters of the 65,535 that PostgreSQL takes. */
const mostRows = 500;

/**
 * What one run says, as numbered rows: the order in which it was said, stored before anyone sees it,
 * so that a late reader resumes by number and a closed tab loses nothing. The runtime bounds what one
 * cell says, so what waits here is bounded as long as the run flushes between its cells.
 */
export class OutputLog {
  readonly #database: Database;
  readonly #tenant: Tenant;
  readonly #runId: string;
  readonly #stored: () => void;
  #seq = 0;
  #pending: Output[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, tenant: Tenant, runId: string, stored: () => void) {
    this.#database = database;
    this.#tenant = tenant;
    this.#runId = runId;
    this.#stored = stored;
  }

  readonly append = (output: Output): void => {
    const last = this.#pending.at(-1);
    const joins =
      last &&
      last.stream === output.stream &&
      (output.stream === 'stdout' || output.stream === 'stderr');
    if (joins) last.data += output.data;
    else this.#pending.push({ ...output });
    // Whoever ends the run flushes too, and hears of what could not be stored.
    const wait = Math.min(window.first + this.#seq / 10, window.most);
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), wait);
  };

  /** Resolves when everything said so far is stored. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length > 0) this.#writing = this.#writing.then(() => this.#write(batch));
    return this.#writing;
  }

  async #write(batch: readonly Output[]): Promise<void> {
    for (let at = 0; at < batch.length; at += mostRows)
      await this.#insert(batch.slice(at, at + mostRows));
    this.#stored();
  }

  async #insert(batch: readonly Output[]): Promise<void> {
    const rows = batch.map(({ stream, mimeType, data }) => {
      this.#seq += 1;
      // PostgreSQL's text holds neither NUL nor half of a surrogate pair.
      const text = data.replaceAll('\0', '\ufffd').toWellFormed();
      return sql`(${uuidv7()}::uuid, ${this.#tenant.teamId}::uuid, ${this.#runId}::uuid, ${this.#seq}::integer, ${stream}::text, ${mimeType}::text, ${text}::text)`;
    });
    await this.#database.rows(
      this.#tenant,
      sql`insert into task_run_outputs (id, team_id, run_id, seq, stream, mime_type, data) values ${sql.join(rows)}`,
    );
  }
}
