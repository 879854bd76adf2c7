import type { Actor } from '@kyozo/resource';
import type { Limits } from './limits.ts';
import { lifetimes, type TokenKind } from './one-time-tokens.ts';

export type MailSettings = { invitationsPerDay: number; invitationsPerAddress: number };

type MailKind = TokenKind | 'registration';

const day = 86_400;
/** Mails of one kind to one address in a window; each of them serves whoever has the address. */
const ownMails = 10;
/**
 * A window ends no later than the first link that was mailed in it. So an address that others have used
 * up the mails of always holds one that is good.
 */
const windowOf = (kind: MailKind) =>
  kind === 'registration' ? lifetimes.reset : Math.min(3_600, lifetimes[kind]);
/** Teams that may invite one address as often as each of them may. */
const invitingTeams = 4;

/**
 * How many mails people get that they did not ask for, in one place. Whoever sends them is refused; the
 * limit that others have used up refuses nobody, it only sends no more.
 */
export class MailLimits {
  readonly #limits: Limits;
  readonly #settings: MailSettings;

  constructor(limits: Limits, settings: MailSettings) {
    this.#limits = limits;
    this.#settings = settings;
  }

  /**
   * Whether an address may be sent one more mail about its own account. The devices that have signed in
   * to it before are counted for themselves: no strangers use up their mails.
   */
  allowsOwn(kind: MailKind, email: string, fromKnown = false): Promise<boolean> {
    const bucket = fromKnown ? `mail ${kind} from known` : `mail ${kind}`;
    return this.#limits.allows({ bucket, key: email, limit: ownMails, seconds: windowOf(kind) });
  }

  /**
   * Counts an invitation, or one that is sent again: for its team, whoever invites, and its address.
   * Answers whether it is mailed: an address that many teams have invited today gets no more mails.
   * @throws KyozoError `too_many`
   */
  async invitation({ teamId, userId }: Actor, email: string): Promise<boolean> {
    const { invitationsPerDay: perDay, invitationsPerAddress: perAddress } = this.#settings;
    const address = email.toLowerCase();
    await this.#limits.take('invitation address', `${teamId} ${address}`, perAddress, day);
    await this.#limits.take('invitation team', teamId, perDay, day);
    await this.#limits.take('invitation person', userId, perDay, day);
    const limit = perAddress * invitingTeams;
    return this.#limits.allows({ bucket: 'invitation mail', key: address, limit, seconds: day });
  }
}
