type Listener = () => void;

/** Wake-ups by key, inside this process: somebody changed something, look again. */
export class Signals {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Wakes the listeners of a key; for nothing is harmless. */
  wake(key: string): void {
    for (const listener of this.#listeners.get(key) ?? []) listener();
  }

  /** Calls `listener` at every wake-up, until the returned function is called. */
  listen(key: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(key);
    };
  }
}
