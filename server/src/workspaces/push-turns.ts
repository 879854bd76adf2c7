/** Work on one workspace's repository takes turns, so that it does not hold the database's connections waiting. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` behind all that came before it for the same workspace. */
  async take<Result>(workspaceId: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(workspaceId) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#last.set(workspaceId, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(workspaceId) === turn) this.#last.delete(workspaceId);
    }
  }
}
