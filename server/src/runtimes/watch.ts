/** Looks again and again, with a pause that is at least four times as long as the look. */
export class Watch {
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #look: () => Promise<unknown>;
  readonly #pause: () => number;

  /** `pause` says how long to wait at least, in milliseconds; `look` handles its own errors. */
  constructor(look: () => Promise<unknown>, pause: () => number) {
    this.#look = look;
    this.#pause = pause;
    this.#wait(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #again(): Promise<void> {
    const began = performance.now();
    await this.#look();
    if (!this.#stopped) this.#wait(performance.now() - began);
  }

  #wait(took: number): void {
    const pause = Math.max(this.#pause(), took * 4);
    this.#timer = setTimeout(() => void this.#again(), pause).unref();
  }
}
