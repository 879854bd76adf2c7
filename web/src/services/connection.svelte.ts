/** Milliseconds between two looks at a server that is away, and for each look. */
const pause = 1_000;
const patience = 1_500;

/**
 * Whether the server can be reached. The browser's word is taken at once and checked: a server on the
 * same machine answers without a network. While the server is away, this looks until it answers.
 */
class Connection {
  isOnline = $state(true);
  #isLooking = false;
  readonly #listeners = new Set<() => void>();

  constructor() {
    addEventListener('offline', () => {
      this.isOnline = false;
      void this.#look();
    });
    addEventListener('online', () => this.doubt());
  }

  /** Something did not answer: looks at the server, and says so when it is away. */
  doubt(): void {
    void this.#look();
  }

  /** Calls a listener each time that the server is back; returns how to stop. */
  onBack(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (!(await isAnswering())) {
      this.isOnline = false;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.#isLooking = false;
    if (this.isOnline) return;
    this.isOnline = true;
    for (const listener of this.#listeners) listener();
  }
}

/** Whether the server answers at all. */
export async function isAnswering(): Promise<boolean> {
  try {
    const options = { cache: 'no-store', signal: AbortSignal.timeout(patience) } as const;
    return (await fetch('/health/live', options)).ok;
  } catch {
    return false;
  }
}

export const connection = new Connection();
