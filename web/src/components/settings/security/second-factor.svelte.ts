import { messages } from '../../../messages.ts';
import { session } from '../../../services/session.svelte.ts';
import { users } from '../../../services/users.ts';
import { tell } from '../../../ui/toast/index.ts';
import { Form } from '../../form.svelte.ts';

type Step = 'closed' | 'password' | 'scan' | 'codes' | 'renew' | 'disable';

const texts = messages.account;

/** Setting up a second factor, turning it off, and its recovery codes: one dialog, step by step. */
export class SecondFactorSteps {
  step: Step = $state('closed');
  password = $state('');
  code = $state('');
  /** What the authenticator app is to learn, shown until it has. */
  secret = $state('');
  uri = $state('');
  recoveryCodes: string[] = $state.raw([]);

  readonly form = new Form(() => this.#next());

  start(step: 'password' | 'renew' | 'disable'): void {
    this.#forget();
    this.step = step;
  }

  /** Nothing secret stays on the page. */
  close(): void {
    this.#forget();
    this.step = 'closed';
  }

  #forget(): void {
    this.password = '';
    this.code = '';
    this.secret = '';
    this.uri = '';
    this.recoveryCodes = [];
    this.form.errors = {};
  }

  async #next(): Promise<void> {
    if (this.step === 'password') {
      const { secret, uri } = await users.enrollSecondFactor(this.password);
      this.secret = secret;
      this.uri = uri;
      this.step = 'scan';
    } else if (this.step === 'scan') {
      this.#show(await users.enableSecondFactor(this.code.trim()));
      tell(texts.factorOn);
    } else if (this.step === 'renew') {
      this.#show(await users.renewRecoveryCodes(this.password, this.code.trim()));
    } else if (this.step === 'disable') {
      await users.disableSecondFactor(this.password, this.code.trim());
      this.close();
      tell(texts.factorOff);
      await session.reload();
    }
  }

  #show(codes: string[]): void {
    this.recoveryCodes = codes;
    this.step = 'codes';
    void session.reload().catch(() => undefined);
  }
}
