import { type Actor, KyozoError } from '@kyozo/resource';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { parse as parseUuid, v7 as uuidv7 } from 'uuid';
import type { AuthDatabase } from './auth-database.ts';
import type { Notices } from './notices.ts';
import type { Person } from './passwords.ts';
import { mustBeSession } from './sign-in.ts';

/** Loaded when asked for: as it loads it tries an algorithm that Node calls experimental, and says so. */
const webAuthn = () => import('@simplewebauthn/server');
/** EdDSA, ES256, RS256: what authenticators have, and nothing that is experimental. */
const supportedAlgorithmIDs = [-8, -7, -257];

/** Seconds that a challenge can be answered in. */
const lifetime = 300;
const source = { pointer: '/data/attributes/response' };
const refused = (cause?: unknown) =>
  new KyozoError('unauthenticated', 'The passkey was not accepted.', { source, cause });

type Stored = {
  id: string;
  user_id: string;
  public_key: Buffer;
  counter: string;
  transports: string[];
};

/** Passkeys (WebAuthn): the device proves who holds it and that it knows them, which is two factors. */
export class Passkeys {
  readonly #auth: AuthDatabase;
  readonly #notices: Notices;
  readonly #origin: string;
  readonly #host: string;

  constructor(auth: AuthDatabase, notices: Notices, publicUrl: string) {
    this.#notices = notices;
    const { origin, hostname } = new URL(publicUrl);
    this.#auth = auth;
    this.#origin = origin;
    this.#host = hostname;
  }

  /** What a new passkey of a person's is to sign. */
  async newChallenge(person: Person): Promise<object> {
    const known = await this.#auth.query<{ credential_id: string; transports: string[] }>(
      'select credential_id, transports from passkeys where user_id = $1',
      [person.id],
    );
    const { generateRegistrationOptions } = await webAuthn();
    const options = await generateRegistrationOptions({
      supportedAlgorithmIDs,
      rpName: 'Kyozo Store',
      rpID: this.#host,
      userName: person.email,
      userDisplayName: person.name,
      userID: parseUuid(person.id) as Uint8Array<ArrayBuffer>,
      attestationType: 'none',
      excludeCredentials: known.map(({ credential_id: id, transports }) => ({ id, transports })),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    await this.#keep(options.challenge, person.id);
    return options;
  }

  /** What a passkey is to sign to sign in; which one, the device knows. */
  async challenge(): Promise<object> {
    const { generateAuthenticationOptions } = await webAuthn();
    const options = await generateAuthenticationOptions({
      rpID: this.#host,
      userVerification: 'required',
    });
    await this.#keep(options.challenge, null);
    return options;
  }

  /** Keeps a new passkey. @throws KyozoError for an answer to no challenge of this person's */
  async add(actor: Actor, name: string, response: unknown): Promise<string> {
    const { verifyRegistrationResponse } = await webAuthn();
    const verified = await verifyRegistrationResponse({
      supportedAlgorithmIDs,
      response: response as RegistrationResponseJSON,
      expectedChallenge: (challenge) => this.#use(challenge, actor.userId),
      expectedOrigin: this.#origin,
      expectedRPID: this.#host,
      requireUserVerification: true,
    }).catch((cause: unknown) => ({ verified: false as const, cause }));
    if (!verified.verified) {
      const cause = 'cause' in verified ? verified.cause : undefined;
      throw new KyozoError('invalid', 'The passkey was not accepted.', { source, cause });
    }
    const { credential } = verified.registrationInfo!;
    const id = uuidv7();
    await this.#auth.transaction(async (queries) => {
      await mustBeSession(queries, actor);
      await queries.query(
        `insert into passkeys (id, user_id, name, credential_id, public_key, counter, transports)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          id,
          actor.userId,
          name,
          credential.id,
          Buffer.from(credential.publicKey),
          credential.counter,
          credential.transports ?? [],
        ],
      );
      await this.#notices.tell(queries, actor.userId, 'security.passkey-changed', { added: name });
    });
    return id;
  }

  /** Whose passkey answered. @throws KyozoError `unauthenticated` for anything wrong, always the same */
  async personOf(response: unknown): Promise<string> {
    const answer = response as AuthenticationResponseJSON;
    const [stored] = await this.#auth.query<Stored>(
      'select id, user_id, public_key, counter, transports from passkeys where credential_id = $1',
      [typeof answer.id === 'string' ? answer.id.slice(0, 2_000).replaceAll('\0', '') : ''],
    );
    if (!stored) throw refused();
    const { verifyAuthenticationResponse } = await webAuthn();
    const verified = await verifyAuthenticationResponse({
      response: answer,
      expectedChallenge: (challenge) => this.#use(challenge, null),
      expectedOrigin: this.#origin,
      expectedRPID: this.#host,
      requireUserVerification: true,
      credential: {
        id: answer.id,
        publicKey: new Uint8Array(stored.public_key),
        counter: Number(stored.counter),
      },
    }).catch((cause: unknown) => {
      throw refused(cause);
    });
    const handle = answer.response.userHandle;
    const named = !handle || Buffer.from(handle, 'base64url').equals(parseUuid(stored.user_id));
    if (!verified.verified || !named) throw refused();
    // A counter that does not grow means a copied authenticator; those without one always say 0.
    const used = await this.#auth.query(
      `update passkeys set counter = $2, last_used_at = now()
       where id = $1 and (counter < $2 or (counter = 0 and $2 = 0)) returning 1`,
      [stored.id, verified.authenticationInfo.newCounter],
    );
    if (used.length === 0) throw refused();
    return stored.user_id;
  }

  async remove(actor: Actor, id: string): Promise<void> {
    await this.#auth.transaction(async (queries) => {
      const [gone] = await queries.query<{ name: string }>(
        'delete from passkeys where id = $1 and user_id = $2 returning name',
        [id, actor.userId],
      );
      if (gone)
        await this.#notices.tell(queries, actor.userId, 'security.passkey-changed', {
          removed: gone.name,
        });
    });
  }

  async #keep(challenge: string, userId: string | null): Promise<void> {
    await this.#auth.query(
      `insert into passkey_challenges (challenge, user_id, expires_at) values ($1, $2, now() + make_interval(secs => $3))`,
      [challenge, userId, lifetime],
    );
  }

  /** A challenge is good once, and only for whom it was made. */
  async #use(challenge: string, userId: string | null): Promise<boolean> {
    const used = await this.#auth.query(
      `delete from passkey_challenges where challenge = $1 and user_id is not distinct from $2::uuid
       and expires_at > now() returning 1`,
      [challenge.slice(0, 500).replaceAll('\0', ''), userId],
    );
    return used.length > 0;
  }
}
