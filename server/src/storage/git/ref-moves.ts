import { setTimeout as sleep } from 'node:timers/promises';
import { setRef } from './refs.ts';

/**
 * How long a ref rests between two moves. A move is seven calls of the file system, as dear as the whole
 * of a small commit's other files, and nobody reads a ref before `repairRef` has put it right.
 */
const REST_MS = 50;

/** The refs of this process's repositories move one after the other, each only to its newest target. */
export class RefMoves {
  /** What waits for the move before it, by ref. */
  readonly #waiting = new Map<string, { oid: string | null; moved: Promise<void> }>();
  /** The last move of each, with the rest after it. */
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when the ref has moved, to `oid` or to what was asked for later. Errors: as `setRef`. */
  move(repository: string, ref: string, oid: string | null): Promise<void> {
    const key = `${repository} ${ref}`;
    const waiting = this.#waiting.get(key);
    if (waiting) {
      waiting.oid = oid;
      return waiting.moved;
    }
    const move = { oid, moved: Promise.resolve() };
    const before = this.#last.get(key) ?? Promise.resolve();
    move.moved = before.then(() => {
      this.#waiting.delete(key);
      return setRef(repository, ref, move.oid);
    });
    const rested: Promise<void> = move.moved
      .catch(() => undefined)
      .then(() => sleep(REST_MS))
      .then(() => {
        if (this.#last.get(key) === rested) this.#last.delete(key);
      });
    this.#waiting.set(key, move);
    this.#last.set(key, rested);
    return move.moved;
  }

  /** Resolves when nothing moves any more, in one repository or in all. */
  async settled(repository = ''): Promise<void> {
    for (;;) {
      const moving = [...this.#last].filter(([key]) => key.startsWith(repository));
      if (moving.length === 0) return;
      await Promise.all(moving.map(([, rested]) => rested));
    }
  }
}
