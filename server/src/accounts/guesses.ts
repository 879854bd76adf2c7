import { createHash } from 'node:crypto';
import type { Client } from '../actions.ts';
import type { AuthQueries } from './auth-database.ts';
import { isKnown } from './known-devices.ts';
import { type Limits, networkOf, type Try } from './limits.ts';

/** Who guesses at something of a person's: a client that is not signed in, or a session of theirs. */
export type Guesser = { client: Client } | { session: string };

/** Three codes in a million are good at any moment: this few misses make a guess hopeless for years. */
const codeMisses = { limit: 5, seconds: 900 };
/** From all sources together, for those that know the first factor already. */
const allCodeMisses = { limit: 20, seconds: 900 };

/**
 * The limits on guessing and on mass registration, in one place. Misses count for an address and a source
 * together, so that nobody locks out anybody elsewhere. A device that has signed in to an account before,
 * and a session of its person, are counted for themselves alone: no misses of others touch them.
 */
export class Guesses {
  readonly #limits: Limits;
  readonly #auth: AuthQueries;
  readonly #signIns: number;
  readonly #registrations: number;

  constructor(
    limits: Limits,
    auth: AuthQueries,
    settings: { signInsPerMinute: number; registrationsPerMinute: number },
  ) {
    this.#limits = limits;
    this.#auth = auth;
    this.#signIns = settings.signInsPerMinute;
    this.#registrations = settings.registrationsPerMinute;
  }

  registration(client: Client): Promise<void> {
    return this.#limits.take('register', networkOf(client.ip), this.#registrations, 60);
  }

  /**
   * Work that proves who has an address: of misses, so many a minute from one source, and ten times that
   * from it over all addresses. Misses from many sources slow down all that are unknown, and are refused
   * at fifty times the limit.
   */
  async proving<Result>(email: string, by: Guesser, work: () => Promise<Result>): Promise<Result> {
    const limit = this.#signIns;
    const own = await this.#own(email, by);
    if (own)
      return this.#limits.guarding([{ bucket: 'sign-in', key: own, limit, seconds: 60 }], work);
    const { client } = by as { client: Client };
    const all = { bucket: 'sign-in address', key: email, seconds: 60 };
    const tries: Try[] = [
      { bucket: 'sign-in', key: `${email} ${networkOf(client.ip)}`, limit, seconds: 60 },
      this.#fromClient('sign-in client', client),
      { ...all, limit: limit * 50 },
      { ...all, bucket: 'sign-in address slow', limit: limit * 10, over: 'slow' },
    ];
    return this.#limits.guarding(tries, work);
  }

  /** Work that a code of a person's second factor proves; whoever gets here knows the first one. */
  async code<Result>(
    person: { id: string; email: string },
    by: Guesser,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const bucket = 'second factor';
    const own = await this.#own(person.email, by);
    if (own) return this.#limits.guarding([{ bucket, key: own, ...codeMisses }], work);
    const { client } = by as { client: Client };
    const tries = [
      { bucket, key: `${person.id} ${networkOf(client.ip)}`, ...codeMisses },
      { bucket: 'second factor of all', key: person.id, ...allCodeMisses },
    ];
    return this.#limits.guarding(tries, work);
  }

  /** Work that a token proves; tokens are too long to guess, and this keeps whoever tries from being a load. */
  holding<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
    return this.#limits.guarding([this.#fromClient('token client', client)], work);
  }

  /**
   * Asking for a mail: every time counts, whether anyone has the address or not. How many an address gets
   * from all together is the mails' own limit, which refuses nobody. Answers whether a device asked that
   * has signed in to the address before.
   */
  async mail(email: string, client: Client): Promise<boolean> {
    const own = await this.#own(email, { client });
    const asker = own ?? `${email} ${networkOf(client.ip)}`;
    await this.#limits.take('mail', asker, this.#signIns, 60);
    if (own) return true;
    const { bucket, key, limit, seconds } = this.#fromClient('mail client', client);
    await this.#limits.take(bucket, key, limit, seconds);
    return false;
  }

  /** Asking for something that is kept until it is answered. */
  challenge(client: Client): Promise<void> {
    const { bucket, key, limit, seconds } = this.#fromClient('challenge client', client);
    return this.#limits.take(bucket, key, limit, seconds);
  }

  /** What somebody who is known is counted by, whom nobody else can lock out. */
  async #own(email: string, by: Guesser): Promise<string | undefined> {
    if ('session' in by) return `session ${by.session}`;
    if (!(await isKnown(this.#auth, email, by.client))) return undefined;
    return `device ${email} ${createHash('sha256').update(by.client.device!).digest('hex')}`;
  }

  #fromClient(bucket: string, client: Client): Try {
    return { bucket, key: networkOf(client.ip), limit: this.#signIns * 10, seconds: 60 };
  }
}
