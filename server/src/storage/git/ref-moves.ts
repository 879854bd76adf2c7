import { setRef } from './refs.ts';

/** The refs of this process's repositories move one after the other, each only to its newest target. */
export class RefMoves {
  /** What waits for the move before it, by ref. */
  readonly #waiting = new Map<string, { oid: string | null; moved: Promise<void> }>();
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
    move.moved = before
      .catch(() => undefined)
      .then(() => {
        this.#waiting.delete(key);
        return setRef(repository, ref, move.oid);
      })
      .finally(() => {
        if (this.#last.get(key) === move.moved) this.#last.delete(key);
      });
    this.#waiting.set(key, move);
    this.#last.set(key, move.moved);
    return move.moved;
  }

  /** Resolves when nothing moves any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }
}
