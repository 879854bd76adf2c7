import type { Actor } from '@kyozo/resource';
import type { Limits } from './limits.ts';
import type { TokenKind } from './one-time-tokens.ts';

export type MailSettings = { invitationsPerDay: number; invitationsPerAddress: number };

const day = 86_400;
/** Mails of one kind to one address in an hour; each of them serves whoever has the address. */
const ownMails = { limit: 10, seconds: 3_600 };
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

  /** Whether an address may be sent one more mail about its own account. */
  allowsOwn(kind: TokenKind | 'registration', email: string): Promise<boolean> {
    return this.#limits.allows({ bucket: `mail ${kind}`, key: email, ...ownMails });
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
