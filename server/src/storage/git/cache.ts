/** The most recently used values, up to a total weight. */
export class RecentlyUsed<V> {
  #values = new Map<string, { value: V; weight: number }>();
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  get(key: string): V | undefined {
    const found = this.#values.get(key);
    if (!found) return undefined;
    this.#values.delete(key);
    this.#values.set(key, found);
    return found.value;
  }

  set(key: string, value: V, weight = 1): void {
    this.#room += (this.#values.get(key)?.weight ?? 0) - weight;
    this.#values.delete(key);
    this.#values.set(key, { value, weight });
    for (const [oldest, { weight: freed }] of this.#values) {
      if (this.#room >= 0) break;
      this.#values.delete(oldest);
      this.#room += freed;
    }
  }
}
