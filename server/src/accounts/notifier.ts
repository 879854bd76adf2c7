import type { Queries, Transaction } from '../database/database.ts';
import { sql } from '../database/sql.ts';

type Parts = {
  /** Has the mails that are due sent, once the transaction commits. */
  mail(transaction: Transaction): Promise<void>;
  /** Wakes a person's readers. */
  wake(person: string): void;
};

/** Tells people what happened, in the transaction of what it tells of; their preferences decide how. */
export class Notifier {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Writes one notification. */
  async tell(
    transaction: Transaction,
    person: string,
    kind: string,
    teamId: string | null,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await transaction.rows(
      sql`select notify_person(${person}, ${kind}, ${teamId}, ${JSON.stringify(data)})`,
    );
    await this.#parts.mail(transaction);
  }

  /** For what a function of the database has written: the mails go with the transaction too. */
  mail(transaction: Transaction): Promise<void> {
    return this.#parts.mail(transaction);
  }

  /** Wakes the readers of those who were told, once that stands. */
  wake(queries: Queries, ...people: (string | null)[]): void {
    queries.afterCommit(() => {
      for (const person of people) if (person) this.#parts.wake(person);
    });
  }
}
