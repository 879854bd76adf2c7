import { type Actor, readable } from '@kyozo/resource';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Signals } from '../events/signals.ts';
import { notification } from './notification.ts';

export type FeedNotification = {
  /** Where a reader resumes: transaction and number. */
  cursor: string;
  id: string;
  kind: string;
  data: unknown;
  teamId: string | null;
  readAt: string | null;
  insertedAt: string;
};

/** A person's notifications as a stream, over all their teams; in the order of `EventFeed`. */
export class NotificationFeed {
  readonly #database: Database;
  readonly #signals: Signals;

  constructor(database: Database, signals: Signals) {
    this.#database = database;
    this.#signals = signals;
  }

  /** Wakes a person's readers. Called after a commit. */
  readonly changed = (userId: string): void => this.#signals.wake(userId);

  /** Calls `listener` whenever the actor may have been told something, until the returned function is called. */
  listen(actor: Actor, listener: () => void): () => void {
    return this.#signals.listen(actor.userId, listener);
  }

  /** Up to 100 notifications after a cursor; row-level security shows the own ones. */
  async after(actor: Actor, cursor: string): Promise<FeedNotification[]> {
    readable(notification, actor);
    const [xid, seq] = cursor.split('-');
    return this.#database.rows<FeedNotification>(
      actor,
      sql`select n.xid::text || '-' || n.seq as cursor, n.id, n.kind, n.data, n.team_id as "teamId",
          to_json(n.read_at)#>>'{}' as "readAt", to_json(n.inserted_at)#>>'{}' as "insertedAt"
        from notifications n
        where n.user_id = ${actor.userId} and (n.xid, n.seq) > (${xid}::xid8, ${seq}::bigint)
          and n.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by n.xid, n.seq limit 100`,
    );
  }

  /** The cursor behind everything that the person could see now. */
  async now(actor: Actor): Promise<string> {
    readable(notification, actor);
    const [row] = await this.#database.rows<{ cursor: string }>(
      actor,
      sql`select coalesce((select n.xid::text || '-' || n.seq from notifications n
          where n.user_id = ${actor.userId} and n.xid < pg_snapshot_xmin(pg_current_snapshot())
          order by n.xid desc, n.seq desc limit 1), '0-0') as cursor`,
    );
    return row!.cursor;
  }
}
