import type { Call, Performers } from '../actions.ts';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Records } from '../records.ts';
import { notification } from './notification.ts';

/** What a person does with their own notifications; row-level security keeps to those. */
export function notificationPerformers(queries: Queries, records: Records): Performers {
  return {
    async 'notifications.mark-read'({ actor, record }: Call) {
      await queries.rows(
        actor,
        sql`update notifications set read_at = now() where id = ${record!.id} and read_at is null`,
      );
      return { row: await records.one(actor, notification, record!.id) };
    },

    async 'notifications.read-all-notifications'({ actor }: Call) {
      await queries.rows(
        actor,
        sql`update notifications set read_at = now() where read_at is null`,
      );
      return {};
    },
  };
}
