import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** Whose messages may be left unread for a while. */
export type Pausable = { pause(): void; resume(): void };

type Account = { left: number; at: number; sinceTurn: number };

/** Microseconds of the server's thread that a person may use at once, and per second after that. */
const limits = { most: 500_000, perSecond: 200_000 };
/** After so much of it everybody else has a turn. */
const turn = 10_000;

/**
 * What people's frames cost, in microseconds of the server's thread, estimated. Who has used it up is
 * read more slowly; nothing is thrown away. It is by person, so many connections have no more than one.
 */
export class Budget {
  readonly #accounts = new Map<string, Account>();

  /** Resolves when the person may spend it; till then their socket is not read. */
  async spend(person: string, cost: number, socket: Pausable): Promise<void> {
    const account = this.#account(person);
    account.left -= cost;
    account.sinceTurn += cost;
    const debt = Math.max(0, -account.left / limits.perSecond) * 1_000;
    // Large work waits for twice its own time first, so that others have theirs in between.
    const wait = Math.max(debt, cost > 2 * turn ? (2 * cost) / 1_000 : 0);
    if (wait > 0) {
      socket.pause();
      try {
        await pause(wait);
      } finally {
        socket.resume();
      }
    } else if (account.sinceTurn > turn) {
      account.sinceTurn = 0;
      await nextTurn();
    }
  }

  /** Resolves when the person has paid it and all before it; for what is no frame of a socket. */
  async owe(person: string, cost: number): Promise<void> {
    const account = this.#account(person);
    account.left -= cost;
    if (account.left < 0) await pause((-account.left / limits.perSecond) * 1_000);
  }

  #account(person: string): Account {
    const now = performance.now();
    const account = this.#accounts.get(person) ?? { left: limits.most, at: now, sinceTurn: 0 };
    const earned = ((now - account.at) / 1_000) * limits.perSecond;
    account.left = Math.min(limits.most, account.left + earned);
    account.at = now;
    this.#accounts.set(person, account);
    if (this.#accounts.size > 10_000) this.#forget();
    return account;
  }

  /** Full accounts are those of nobody. */
  #forget(): void {
    const full = performance.now() - (limits.most / limits.perSecond) * 1_000;
    for (const [person, { at }] of this.#accounts) if (at < full) this.#accounts.delete(person);
  }
}

/** Who was thrown out of a document, and may not come back at once. Others of the team may. */
export class Outcasts {
  readonly #until = new Map<string, number>();
  readonly #seconds: number;

  constructor(seconds = 30) {
    this.#seconds = seconds;
  }

  add(person: string, document: string): void {
    const now = performance.now();
    if (this.#until.size > 10_000)
      for (const [key, until] of this.#until) if (until < now) this.#until.delete(key);
    this.#until.set(`${person} ${document}`, now + this.#seconds * 1_000);
  }

  /** Seconds that somebody still has to wait; 0 for who has not. */
  wait(person: string, document: string): number {
    const left = (this.#until.get(`${person} ${document}`) ?? 0) - performance.now();
    return Math.max(0, Math.ceil(left / 1_000));
  }
}
