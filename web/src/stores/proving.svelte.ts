/** Asking a person to show once more that it is them, in the midst of something that takes it. */
class Proving {
  isOpen = $state(false);
  #asked: PromiseWithResolvers<boolean> | null = null;

  /** Resolves to whether they did; whoever asks meanwhile waits for the same answer. */
  ask = (): Promise<boolean> => {
    this.#asked ??= Promise.withResolvers<boolean>();
    this.isOpen = true;
    return this.#asked.promise;
  };

  end(proven: boolean): void {
    this.isOpen = false;
    this.#asked?.resolve(proven);
    this.#asked = null;
  }
}

export const proving = new Proving();
