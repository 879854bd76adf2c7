import type { Tokens } from '../types/records.ts';
import { ApiError, OfflineError } from './errors.ts';
import { mediaType, serialise } from './json-api.ts';
import { SharedValue } from './shared-value.ts';

const storageKey = 'kyozo.refresh-token';
/** Seconds before its end at which an access token is renewed; at most half of its life. */
const early = 30;
/** Milliseconds that another tab's new pair may take to get here, once that tab has stored it. */
const hearing = 200;

/**
 * The pair of tokens. The access token is kept in memory only, in every open tab. The refresh token is
 * kept in localStorage, so that a reload stays signed in: a script that runs in this origin could read
 * it, which is why the page's policy admits none but ours, and why a later second use ends every session
 * that came from it. A page that is left between the request and its answer asks again with the same
 * token, and the server answers the same pair.
 */
class TokenStore {
  #access: string | null = null;
  #expiresAt = 0;
  /** The stored token as this tab last knew it. */
  #refreshToken: string | null = null;
  #refreshing: Promise<string | null> | null = null;
  /** The same as in localStorage, but never behind. */
  readonly #shared = new SharedValue(storageKey);
  readonly #tabs = new BroadcastChannel('kyozo.tokens');

  /** Called when the session is over, here or in another tab. */
  onLost: () => void = () => {};

  constructor() {
    addEventListener('storage', (event) => {
      if (event.key === storageKey && event.newValue === null) this.#lose();
    });
    this.#tabs.addEventListener('message', ({ data }: MessageEvent<Tokens>) => this.#know(data));
  }

  get isKept(): boolean {
    return localStorage.getItem(storageKey) !== null;
  }

  /** Stores a pair, here and for all tabs, before anything uses it. */
  async keep(pair: Tokens): Promise<void> {
    localStorage.setItem(storageKey, pair.refreshToken);
    await this.#shared.write(pair.refreshToken);
    this.#know(pair);
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
    void this.#shared.clear();
  }

  /** An access token that is good for now, or null when nobody is signed in. */
  async fresh(): Promise<string | null> {
    return this.#good() ?? this.renew();
  }

  /** Another access token than one that was refused; callers at the same moment share one request. */
  renew(refused?: string | null): Promise<string | null> {
    this.#refreshing ??= oneTabAtATime(() => this.#renew(refused)).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  #good(): string | null {
    return this.#access && Date.now() < this.#expiresAt ? this.#access : null;
  }

  #know({ accessToken, refreshToken, expiresIn }: Tokens): void {
    this.#access = accessToken;
    this.#refreshToken = refreshToken;
    this.#expiresAt = Date.now() + Math.max(expiresIn - early, expiresIn / 2) * 1000;
  }

  /** Takes what another tab has renewed meanwhile, else renews. */
  async #renew(refused: string | null = this.#access): Promise<string | null> {
    const stored = await this.#stored();
    if (stored === null) return null;
    if (this.#refreshToken !== null && this.#refreshToken !== stored) await this.#hear();
    const good = this.#good();
    return good && good !== refused ? good : this.#ask(stored);
  }

  async #stored(): Promise<string | null> {
    const kept = localStorage.getItem(storageKey);
    return kept === null ? null : ((await this.#shared.read()) ?? kept);
  }

  /** Waits for the pair that another tab has just stored. */
  #hear(): Promise<void> {
    return new Promise((resolve) => {
      this.#tabs.addEventListener('message', () => resolve(), { once: true });
      setTimeout(resolve, hearing);
    });
  }

  /** Only a token that the server refuses ends the session: no failure on the way to it does. */
  async #ask(refreshToken: string): Promise<string | null> {
    try {
      const pair = await ask(refreshToken);
      const stored = await this.#stored();
      // Somebody has signed out or in meanwhile, in another tab: it stays so.
      if (stored === null) return null;
      if (stored !== refreshToken && stored !== pair.refreshToken) return this.#ask(stored);
      await this.keep(pair);
      this.#tabs.postMessage(pair);
      return pair.accessToken;
    } catch (error) {
      if (!(error instanceof ApiError && isRefusal(error))) throw error;
      const stored = await this.#stored();
      // Without locks another tab may have renewed, and have used what it got, before this one asked.
      if (stored !== null && stored !== refreshToken) return this.#ask(stored);
      this.clear();
      this.#lose();
      return null;
    }
  }

  #lose(): void {
    this.#access = null;
    this.#refreshToken = null;
    this.onLost();
  }
}

export const tokens = new TokenStore();

/** A token that is wrong or has ended, or that cannot be one. */
const isRefusal = ({ status }: ApiError) => status === 401 || status === 422;

/** Trades a refresh token. @throws ApiError, or OfflineError where no answer came, or only part of one */
async function ask(refreshToken: string): Promise<Tokens> {
  try {
    const response = await fetch('/api/v1/users/refresh', {
      method: 'POST',
      headers: { 'content-type': mediaType, accept: mediaType },
      body: serialise({ type: 'users', attributes: { refreshToken } }),
    });
    if (!response.ok) throw new ApiError(response.status, []);
    return ((await response.json()) as { meta: Tokens }).meta;
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new OfflineError(cause);
  }
}

/** Tabs share one refresh. Locks are missing where a page came by plain http from another machine. */
async function oneTabAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
  return navigator.locks ? navigator.locks.request('kyozo.refresh', work) : work();
}
