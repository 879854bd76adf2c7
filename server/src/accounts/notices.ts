import type { Queue } from '../jobs/queue.ts';
import type { AuthQueries } from './auth-database.ts';

type SecurityNotice =
  | 'security.refresh-reuse'
  | 'security.password-changed'
  | 'security.second-factor-changed'
  | 'security.email-changed'
  | 'security.passkey-changed';

/** Tells people what happened to their account, in its transaction: in the app, and always by mail too. */
export class Notices {
  readonly #queue: Queue;
  readonly #wake: (person: string) => void;

  /** `wake` has a person's readers look, once it stands. */
  constructor(queue: Queue, wake: (person: string) => void) {
    this.#queue = queue;
    this.#wake = wake;
  }

  async tell(
    queries: AuthQueries,
    person: string,
    kind: SecurityNotice,
    data: Record<string, unknown> = {},
  ): Promise<void> {
    await queries.query('select notify_person($1, $2, null, $3)', [
      person,
      kind,
      JSON.stringify(data),
    ]);
    await this.#queue.add('mail-notifications', {}, queries);
    queries.afterCommit(() => this.#wake(person));
  }
}
