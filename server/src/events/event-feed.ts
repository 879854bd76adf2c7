import { type Actor, type Registry, readable } from '@kyozo/resource';
import type { Database } from '../database/database.ts';
import { condition } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { event } from './event.ts';
import type { Signals } from './signals.ts';

export type FeedEvent = {
  /** Where a reader resumes: transaction and number. */
  cursor: string;
  id: string;
  type: string;
  name: string;
  recordId: string;
  userId: string | null;
  occurredAt: string;
  data: unknown;
};

/** As many events as one read answers; fewer say that there are no more for now. */
export const feedPage = 100;
/** Which events a reader wants. */
type Only = { workspaceId?: string; type?: string; recordId?: string };
export const isCursor = (text: string): boolean => /^\d{1,18}-\d{1,18}$/.test(text);

/**
 * The event log as a stream. Readers are woken when their team has changed and then read what is new
 * from PostgreSQL themselves, so nothing is missed; row-level security and the policy of events decide
 * what they see.
 *
 * Order: by (transaction, number), and only below the oldest transaction that still runs. A number
 * alone would let an event appear behind a reader's cursor when its transaction commits late.
 */
export class EventFeed {
  readonly #database: Database;
  readonly #known: Registry;
  readonly #signals: Signals;

  constructor(database: Database, known: Registry, signals: Signals) {
    this.#database = database;
    this.#known = known;
    this.#signals = signals;
  }

  /** Wakes the readers of a team. Called after a commit. */
  readonly changed = (teamId: string): void => this.#signals.wake(teamId);

  /** Calls `listener` whenever the team may have new events, until the returned function is called. */
  listen(teamId: string, listener: () => void): () => void {
    return this.#signals.listen(teamId, listener);
  }

  /** Up to `feedPage` events after a cursor; `now` starts behind what has happened so far. */
  async after(actor: Actor, cursor: string, only: Only = {}): Promise<FeedEvent[]> {
    const { workspaceId, type, recordId } = only;
    const [xid, seq] = cursor.split('-');
    const visible = condition(this.#known, actor, event, readable(event, actor), 'e');
    const ofType = type ? sql`and e.resource = ${type}` : sql``;
    const ofRecord = recordId ? sql`and e.record_id = ${recordId}` : sql``;
    const within = workspaceId
      ? sql`and (e.record_id = ${workspaceId} or e.state->>'workspace_id' = ${workspaceId}
          or exists (select from files f where f.id = coalesce(e.state->>'file_id', '00000000-0000-0000-0000-000000000000')::uuid and f.workspace_id = ${workspaceId}))`
      : sql``;
    const rows = await this.#database.rows<Omit<FeedEvent, 'cursor'> & { cursor: string }>(
      actor,
      sql`select e.xid::text || '-' || e.seq as cursor, e.id, e.resource as type, e.name,
          e.record_id as "recordId", e.user_id as "userId", to_json(e.occurred_at)#>>'{}' as "occurredAt", event_data(e.state) as data
        from events e
        where (e.xid, e.seq) > (${xid}::xid8, ${seq}::bigint) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
          and ${visible} ${within} ${ofType} ${ofRecord}
        order by e.xid, e.seq limit ${sql.raw(String(feedPage))}`,
    );
    return rows;
  }

  /** The cursor behind everything that a reader could see now. @throws KyozoError for a key that reads no events */
  async now(actor: Actor): Promise<string> {
    readable(event, actor);
    const [row] = await this.#database.rows<{ cursor: string }>(
      actor,
      sql`select coalesce((select e.xid::text || '-' || e.seq from events e
          where e.xid < pg_snapshot_xmin(pg_current_snapshot()) order by e.xid desc, e.seq desc limit 1), '0-0') as cursor`,
    );
    return row!.cursor;
  }
}
