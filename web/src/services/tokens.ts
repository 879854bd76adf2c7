import type { Tokens } from '../types/records.ts';
import { ApiError, OfflineError } from './errors.ts';
import { mediaType, serialise } from './json-api.ts';

const storageKey = 'kyozo.refresh-token';
const earlySeconds = 30;

/**
 * The pair of tokens. The access token lives in memory only. The refresh token is kept in
 * localStorage, so that a reload stays signed in: a script that runs in this origin could read
 * it, which is why the page's policy admits none but ours, why it dies with its first use, and why
 * a second use ends every session that came from it.
 */
class TokenStore {
  #access: string | null = null;
  #expiresAt = 0;
  #refreshing: Promise<string | null> | null = null;

  /** Called when the session is over, here or in another tab. */
  onLost: () => void = () => {};

  constructor() {
    addEventListener('storage', (event) => {
      if (event.key === storageKey && event.newValue === null) this.#lose();
    });
  }

  get isKept(): boolean {
    return localStorage.getItem(storageKey) !== null;
  }

  keep({ accessToken, refreshToken, expiresIn }: Tokens): void {
    this.#access = accessToken;
    this.#expiresAt = Date.now() + (expiresIn - earlySeconds) * 1000;
    localStorage.setItem(storageKey, refreshToken);
  }

  /**
   * Takes the tokens of a new session that takes the place of all others. Nobody renews meanwhile, in
   * any tab: the token they would use is dead before the answer with the new one is here.
   */
  async replace(work: () => Promise<Tokens>): Promise<void> {
    await this.fresh();
    await oneTabAtATime(async () => this.keep(await work()));
  }

  clear(): void {
    this.#access = null;
    localStorage.removeItem(storageKey);
  }

  /** An access token that is good for now, or null when nobody is signed in. */
  async fresh(): Promise<string | null> {
    return this.#access && Date.now() < this.#expiresAt ? this.#access : this.renew();
  }

  /** A new access token; callers at the same moment share one request. */
  renew(): Promise<string | null> {
    this.#refreshing ??= oneTabAtATime(() => this.#refresh()).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<string | null> {
    // Read inside the lock: another tab may have used and replaced the token meanwhile.
    const refreshToken = localStorage.getItem(storageKey);
    if (refreshToken === null) return null;
    const response = await fetch('/api/v1/users/refresh', {
      method: 'POST',
      headers: { 'content-type': mediaType, accept: mediaType },
      body: serialise({ type: 'users', attributes: { refreshToken } }),
    }).catch((cause: unknown) => {
      throw new OfflineError(cause);
    });
    if (response.status >= 500 || response.status === 429) throw new ApiError(response.status, []);
    if (!response.ok) {
      this.clear();
      this.#lose();
      return null;
    }
    const { meta } = (await response.json()) as { meta: Tokens };
    this.keep(meta);
    return meta.accessToken;
  }

  #lose(): void {
    this.#access = null;
    this.onLost();
  }
}

export const tokens = new TokenStore();

/** Refresh tokens work once, so two tabs must not spend the same one. */
async function oneTabAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
  return navigator.locks ? navigator.locks.request('kyozo.refresh', work) : work();
}
