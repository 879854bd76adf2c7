import { KyozoError } from '@kyozo/resource';

const window = 60_000;

/**
 * Counts tries by key and refuses those beyond a limit a minute. All keys share one window, so that
 * what is remembered is never more than one minute's tries; at the window's edge twice the limit passes.
 */
export class Attempts {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  #ends = 0;

  constructor(perMinute: number) {
    this.#limit = perMinute;
  }

  /**
   * Counts a try before it is made, so that a thousand at once do not all pass. Answers what takes it
   * back. @throws KyozoError `too_many` with the seconds to wait
   */
  take(key: string): () => void {
    const now = Date.now();
    if (now >= this.#ends) {
      this.#counts.clear();
      this.#ends = now + window;
    }
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#limit) {
      const meta = { retryAfter: Math.ceil((this.#ends - now) / 1_000) };
      throw new KyozoError('too_many', 'Too many tries; try again later.', { meta });
    }
    this.#counts.set(key, count + 1);
    return () => void this.#counts.set(key, Math.max(0, (this.#counts.get(key) ?? 0) - 1));
  }
}
