import { messages } from '../../messages.ts';
import { ApiError } from '../../services/errors.ts';
import { session } from '../../services/session.svelte.ts';
import { Form } from '../form.svelte.ts';

type Proof = { path: string; attributes: Record<string, unknown> };

/**
 * Proving who one is, by whichever first factor, and by a second one where the account has it. What
 * was proven first is kept until the code is right.
 */
export class SigningIn {
  code = $state('');
  #proof: Proof | null = $state.raw(null);
  readonly wantsCode: boolean = $derived(this.#proof !== null);

  readonly codeForm = new Form(async () => {
    const { path, attributes } = this.#proof!;
    await session.enter(path, { ...attributes, code: this.code.trim() });
  });

  /** @throws ApiError for a first factor that is wrong */
  async prove(path: string, attributes: Record<string, unknown>): Promise<void> {
    try {
      await session.enter(path, attributes);
    } catch (error) {
      if (!(error instanceof ApiError && error.wantsSecondFactor)) throw error;
      this.code = '';
      this.codeForm.errors = {};
      this.#proof = { path, attributes };
    }
  }

  /** Back to the first factor. */
  again(): void {
    this.#proof = null;
  }

  get problem(): string | undefined {
    const { errors } = this.codeForm;
    if (errors.code) return messages.access.codeWrong;
    return errors[''];
  }
}
