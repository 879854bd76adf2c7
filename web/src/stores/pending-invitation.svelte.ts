const storageKey = 'kyozo.invitation';

type Kept = { token: string; email: string; team: string; wanted: boolean };

/**
 * The invitation that somebody without a session has opened. It is kept on this device, because the
 * way to an account may lead through a mail and another tab; the token is good for one address only.
 */
class PendingInvitation {
  #kept: Kept | null = $state.raw(JSON.parse(localStorage.getItem(storageKey) ?? 'null'));

  readonly token = $derived(this.#kept?.token ?? '');
  readonly email = $derived(this.#kept?.email ?? '');
  readonly team = $derived(this.#kept?.team ?? '');
  /** Whether it is to be accepted as soon as somebody is signed in. */
  readonly isWanted = $derived(this.#kept?.wanted ?? false);

  want(token: string, email: string, team: string): void {
    this.#kept = { token, email, team, wanted: true };
    localStorage.setItem(storageKey, JSON.stringify(this.#kept));
  }

  /** Keeps the token over a reload, since it leaves the address at once. */
  open(token: string): void {
    if (token === this.token) return;
    this.#kept = { token, email: '', team: '', wanted: false };
    localStorage.setItem(storageKey, JSON.stringify(this.#kept));
  }

  clear(): void {
    this.#kept = null;
    localStorage.removeItem(storageKey);
  }
}

export const pendingInvitation = new PendingInvitation();
