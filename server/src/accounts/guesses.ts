import type { Client } from '../actions.ts';
import { type Limits, networkOf, type Try } from './limits.ts';

/** The limits on guessing and on mass registration, in one place. */
export class Guesses {
  readonly #limits: Limits;
  readonly #signIns: number;
  readonly #registrations: number;

  constructor(
    limits: Limits,
    settings: { signInsPerMinute: number; registrationsPerMinute: number },
  ) {
    this.#limits = limits;
    this.#signIns = settings.signInsPerMinute;
    this.#registrations = settings.registrationsPerMinute;
  }

  registration(client: Client): Promise<void> {
    return this.#limits.take('register', networkOf(client.ip), this.#registrations, 60);
  }

  /** Work that proves who has an address: of misses, so many a minute for it and ten times that from one client. */
  proving<Result>(email: string, client: Client, work: () => Promise<Result>): Promise<Result> {
    const tries = [
      { bucket: 'sign-in', key: email, limit: this.#signIns, seconds: 60 },
      this.#fromClient('sign-in client', client),
    ];
    return this.#limits.guarding(tries, work);
  }

  /** Work that a token proves; tokens are too long to guess, and this keeps whoever tries from being a load. */
  holding<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
    return this.#limits.guarding([this.#fromClient('token client', client)], work);
  }

  /** Asking for a mail: every time counts, whether anyone has the address or not. */
  async mail(email: string, client: Client): Promise<void> {
    await this.#limits.take('mail', email, this.#signIns, 60);
    const { bucket, key, limit, seconds } = this.#fromClient('mail client', client);
    await this.#limits.take(bucket, key, limit, seconds);
  }

  /** Asking for something that is kept until it is answered. */
  challenge(client: Client): Promise<void> {
    const { bucket, key, limit, seconds } = this.#fromClient('challenge client', client);
    return this.#limits.take(bucket, key, limit, seconds);
  }

  #fromClient(bucket: string, client: Client): Try {
    return { bucket, key: networkOf(client.ip), limit: this.#signIns * 10, seconds: 60 };
  }
}
