import { KyozoError } from '@kyozo/resource';

/** Work that one row holds up takes turns, so that it does not hold the database's connections waiting. */
export class Turns {
  readonly #patience: number;
  /** By key who waits behind the one whose turn it is, in the order in which they came. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /** `patience`, in milliseconds, is how long one may wait. */
  constructor(patience = Number.POSITIVE_INFINITY) {
    this.#patience = patience;
  }

  /**
   * Runs `work` behind all that came before it for the same key, with the patience that is left.
   * @throws KyozoError `unavailable` once there is none
   */
  async take<Result>(key: string, work: (left: number) => Promise<Result>): Promise<Result> {
    const came = performance.now();
    const line = this.#waiting.get(key);
    if (line) await this.#wait(line);
    else this.#waiting.set(key, new Set());
    try {
      return await work(Math.max(1, Math.ceil(this.#patience - (performance.now() - came))));
    } finally {
      // The turn goes to the next one, so that nobody who comes just now is before it.
      const [next] = this.#waiting.get(key)!;
      if (next) next();
      else this.#waiting.delete(key);
    }
  }

  #wait(line: Set<() => void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        line.delete(turn);
        const message = 'Others are changing this; try again.';
        reject(new KyozoError('unavailable', message, { meta: { retryAfter: 2 } }));
      };
      const timer = Number.isFinite(this.#patience) && setTimeout(giveUp, this.#patience);
      const turn = () => {
        if (timer) clearTimeout(timer);
        line.delete(turn);
        resolve();
      };
      line.add(turn);
    });
  }
}
