import type { Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';

/** Tells a person something, in the transaction of what it tells of; preferences decide how. */
export async function notify(
  transaction: Transaction,
  person: string,
  kind: string,
  teamId: string | null,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  await transaction.rows(
    sql`select notify_person(${person}, ${kind}, ${teamId}, ${JSON.stringify(data)})`,
  );
}
