import type { Choice, Conflict, Resolved } from '../../services/branches.ts';
import { endedAs, mergedText, type Sides } from './merged-text.ts';

/** How a file in conflict is decided: as a whole, or by its parts and by hand. */
export type Way = Choice | 'parts';

/** What a person decides of one file in conflict. */
export class Decision {
  readonly conflict: Conflict;
  readonly #sides: Sides;
  way: Way | undefined = $state();
  /** Of each open part, in their order. */
  choices: (Choice | undefined)[] = $state([]);
  /** The text, once it is edited by hand. */
  edited: string | undefined = $state();
  /** What was written for a conflict that has changed since. */
  readonly former: string | undefined;
  readonly isAnew: boolean;

  /** `earlier` is the decision of the same file before it changed again. */
  constructor(conflict: Conflict, sides: Sides, earlier?: Decision) {
    this.conflict = conflict;
    this.#sides = sides;
    this.isAnew = earlier !== undefined;
    this.former = earlier?.edited ?? earlier?.former;
    if (conflict.parts) {
      this.way = 'parts';
      this.choices = conflict.parts.flatMap((part) => ('text' in part ? [] : [undefined]));
    }
  }

  /** The text as far as it is decided. */
  get text(): string {
    return this.edited ?? mergedText(this.conflict.parts ?? [], this.choices, this.#sides);
  }

  /** Goes on by hand, with the line ends that a text area has. */
  edit(): void {
    this.edited = this.text.replaceAll(/\r\n?/gu, '\n');
  }

  get isDecided(): boolean {
    if (this.way !== 'parts') return this.way !== undefined;
    return this.edited !== undefined || this.choices.every(Boolean);
  }

  /** What the server is told. */
  get resolved(): Resolved {
    if (this.way !== 'parts') return this.way!;
    const { id, ours } = this.conflict;
    const text = this.edited === undefined ? this.text : endedAs(ours?.text ?? '', this.edited);
    return { text, conflict: id };
  }
}
