const database = 'kyozo.session';
const store = 'values';

/**
 * A text that all tabs read as it is. A tab's localStorage lags behind what other tabs write, by as long
 * as its page is busy; transactions of IndexedDB do not. Where a browser has none, nothing is kept.
 */
export class SharedValue {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  async read(): Promise<string | undefined> {
    const found = await run('readonly', (values) => values.get(this.#key));
    return typeof found === 'string' ? found : undefined;
  }

  /** Resolves once every later read, in any tab, finds it. */
  async write(value: string): Promise<void> {
    await run('readwrite', (values) => values.put(value, this.#key));
  }

  async clear(): Promise<void> {
    await run('readwrite', (values) => values.delete(this.#key));
  }
}

async function run(mode: IDBTransactionMode, work: (values: IDBObjectStore) => IDBRequest) {
  const opened = await open().catch(() => undefined);
  if (!opened) return undefined;
  return new Promise<unknown>((resolve) => {
    const transaction = opened.transaction(store, mode);
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => resolve(undefined);
  }).finally(() => opened.close());
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(store);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
