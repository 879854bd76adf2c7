import { branches, type Choice, type Resolved } from '../../services/branches.ts';
import { ApiError } from '../../services/errors.ts';
import { Decision } from './decision.svelte.ts';

/** The merge of a branch into `main`, and what a person decides of the files in conflict. */
export class Merging {
  readonly #branchId: string;
  readonly #name: () => string;
  /** By path what was decided, also of files that are in conflict no more: it may come back. */
  readonly #known = new Map<string, Decision>();
  decisions: readonly Decision[] = $state.raw([]);
  /** Files in conflict; of very many the server tells the next ones once these are decided. */
  total = $state(0);
  busy = $state(false);

  constructor(branchId: string, name: () => string) {
    this.#branchId = branchId;
    this.#name = name;
  }

  get decided(): number {
    return this.decisions.filter(({ isDecided }) => isDecided).length;
  }

  get isDecided(): boolean {
    return this.decided === this.decisions.length;
  }

  /** Decides as a whole what is not decided yet. */
  decideRest(way: Choice): void {
    for (const decision of this.decisions) if (!decision.isDecided) decision.way = way;
  }

  /** Merges with what is decided; false when there is something to decide first. */
  async merge(): Promise<boolean> {
    this.busy = true;
    try {
      const decided = this.decisions.map(({ conflict, resolved }) => [conflict.path, resolved]);
      const resolution: Record<string, Resolved> = Object.fromEntries(decided);
      const { files, total } = await branches.merge(this.#branchId, resolution);
      for (const conflict of files) {
        const earlier = this.#known.get(conflict.path);
        if (earlier?.conflict.id === conflict.id) continue;
        const sides = { ours: 'main', theirs: this.#name() };
        this.#known.set(conflict.path, new Decision(conflict, sides, earlier));
      }
      // Of very many not all are told: those that are not stay decided as they are.
      const paths = new Set([...Object.keys(resolution), ...files.map(({ path }) => path)]);
      this.decisions = total === 0 ? [] : [...paths].map((path) => this.#known.get(path)!);
      this.total = total;
      return total === 0;
    } catch (error) {
      // One of them is no conflict any more: the next attempt asks which are.
      if (isOutdated(error)) this.decisions = [];
      throw error;
    } finally {
      this.busy = false;
    }
  }
}

function isOutdated(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.errors.some(({ source }) => source?.pointer?.startsWith('/data/attributes/resolution/'))
  );
}
