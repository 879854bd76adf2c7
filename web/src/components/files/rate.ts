/** Milliseconds that a speed is taken over: long enough to be calm, short enough to be true. */
const span = 5_000;

/** How fast bytes come through, over the last seconds. Times in milliseconds. */
export class Rate {
  #samples: { at: number; sum: number }[] = [];
  #sum = 0;

  add(bytes: number, at: number): void {
    this.#sum += bytes;
    this.#samples.push({ at, sum: this.#sum });
    while (this.#samples.length > 2 && at - this.#samples[0]!.at > span) this.#samples.shift();
  }

  /** Bytes in a second; 0 until there is enough to say. */
  get perSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at - first.at < 500) return 0;
    return ((last.sum - first.sum) / (last.at - first.at)) * 1000;
  }

  clear(): void {
    this.#samples = [];
    this.#sum = 0;
  }
}
