import { fieldErrors } from '../services/errors.ts';

/** A form that is being sent: whether it is on its way, and what was wrong, field by field. */
export class Form {
  busy = $state(false);
  errors: Record<string, string> = $state.raw({});
  readonly #work: () => Promise<void>;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** For `onsubmit`. */
  submit = async (event?: SubmitEvent): Promise<void> => {
    event?.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.errors = {};
    try {
      await this.#work();
    } catch (error) {
      this.errors = fieldErrors(error);
    } finally {
      this.busy = false;
    }
  };
}
