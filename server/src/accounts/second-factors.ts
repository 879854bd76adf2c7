import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { base32 } from '@better-auth/utils/base32';
import { createOTP } from '@better-auth/utils/otp';
import { KyozoError } from '@kyozo/resource';
import type { Client } from '../actions.ts';
import { seal, unseal } from '../sealed.ts';
import type { AuthDatabase, AuthQueries } from './auth-database.ts';
import type { Guesser, Guesses } from './guesses.ts';
import type { Notices } from './notices.ts';
import type { Person } from './passwords.ts';

/** Seconds of one time step (RFC 6238); the steps before and after are good too, for clocks that are off. */
const period = 30;
const codes = 10;

const wrongCode = () =>
  new KyozoError('unauthenticated', 'The code is wrong or has been used.', {
    source: { pointer: '/data/attributes/code' },
  });

type Factor = { sealed_secret: Buffer; enabled: boolean; last_step: string };

/** Time-based codes (RFC 6238) and the recovery codes for when the device is lost. */
export class SecondFactors {
  readonly #auth: AuthDatabase;
  readonly #guesses: Guesses;
  readonly #secretKey: string;
  readonly #notices: Notices;

  constructor(auth: AuthDatabase, guesses: Guesses, notices: Notices, secretKey: string) {
    this.#notices = notices;
    this.#auth = auth;
    this.#guesses = guesses;
    this.#secretKey = secretKey;
  }

  /** Begins to set one up: the secret, shown now and never again. */
  async enroll(person: Person): Promise<{ secret: string; uri: string }> {
    const bytes = randomBytes(20);
    const secret = base32.encode(bytes, { padding: false });
    const made = await this.#auth.query(
      `insert into second_factors as f (user_id, sealed_secret) values ($1, $2)
       on conflict (user_id) do update set sealed_secret = excluded.sealed_secret, last_step = 0
       where f.enabled_at is null returning 1`,
      [person.id, seal(secret, this.#secretKey, 'second factors')],
    );
    if (made.length === 0) throw new KyozoError('conflict', 'A second factor is on already.');
    const label = `${encodeURIComponent('Kyozo Store')}:${encodeURIComponent(person.email)}`;
    const query = `secret=${secret}&issuer=${encodeURIComponent('Kyozo Store')}&digits=6&period=${period}`;
    return { secret, uri: `otpauth://totp/${label}?${query}` };
  }

  /** Turns it on, once a code shows that the device has the secret. Answers the recovery codes, once. */
  async enable(person: Person, code: string, by: Guesser): Promise<string[]> {
    const userId = person.id;
    return this.#guesses.code(person, by, () =>
      this.#auth.transaction(async (queries) => {
        const factor = await find(queries, userId);
        if (!factor || factor.enabled)
          throw new KyozoError('conflict', 'No second factor is being set up.');
        if (!(await this.#acceptStep(queries, userId, factor, code))) throw wrongCode();
        await queries.query('update second_factors set enabled_at = now() where user_id = $1', [
          userId,
        ]);
        await this.#notices.tell(queries, userId, 'security.second-factor-changed', {
          enabled: true,
        });
        return newRecoveryCodes(queries, userId);
      }),
    );
  }

  async disable(person: Person, code: string, by: Guesser): Promise<void> {
    const userId = person.id;
    await this.#guesses.code(person, by, () =>
      this.#auth.transaction(async (queries) => {
        await this.#mustAccept(queries, userId, code);
        await queries.query('delete from second_factors where user_id = $1', [userId]);
        await this.#notices.tell(queries, userId, 'security.second-factor-changed', {
          enabled: false,
        });
      }),
    );
  }

  /** New recovery codes in place of the old ones. */
  async renewCodes(person: Person, code: string, by: Guesser): Promise<string[]> {
    const userId = person.id;
    return this.#guesses.code(person, by, () =>
      this.#auth.transaction(async (queries) => {
        await this.#mustAccept(queries, userId, code);
        await this.#notices.tell(queries, userId, 'security.second-factor-changed', {
          recoveryCodes: true,
        });
        return newRecoveryCodes(queries, userId);
      }),
    );
  }

  async isOn(userId: string): Promise<boolean> {
    return (await find(this.#auth, userId))?.enabled === true;
  }

  /** Takes a code of somebody who is signed in. @throws KyozoError `conflict` where no second factor is on */
  async prove(person: Person, code: string, by: Guesser): Promise<void> {
    await this.#guesses.code(person, by, () =>
      this.#auth.transaction((queries) => this.#mustAccept(queries, person.id, code)),
    );
  }

  /** Lets a sign-in pass. @throws KyozoError `second_factor_required`, or `unauthenticated` for a wrong code */
  async check(person: Person, code: string | undefined, client: Client): Promise<void> {
    if (!(await this.isOn(person.id))) return;
    if (code === undefined)
      throw new KyozoError('second_factor_required', 'Enter the code of your second factor too.');
    await this.prove(person, code, { client });
  }

  async #mustAccept(queries: AuthQueries, userId: string, code: string): Promise<void> {
    const factor = await find(queries, userId);
    if (!factor?.enabled) throw new KyozoError('conflict', 'No second factor is on.');
    const accepted =
      (await this.#acceptStep(queries, userId, factor, code)) ||
      (await useRecoveryCode(queries, userId, code));
    if (!accepted) throw wrongCode();
  }

  /** Takes a code of a step that is later than all that were taken; of two at once one is. */
  async #acceptStep(
    queries: AuthQueries,
    userId: string,
    factor: Factor,
    code: string,
  ): Promise<boolean> {
    const digits = Buffer.from(code.replaceAll(' ', ''));
    const secret = unseal(factor.sealed_secret, this.#secretKey, 'second factors');
    const otp = createOTP(base32.decode(secret) as never);
    const now = Math.floor(Date.now() / 1_000 / period);
    let step: number | undefined;
    for (const candidate of [now - 1, now, now + 1]) {
      const expected = Buffer.from(await otp.hotp(candidate));
      if (digits.length === expected.length && timingSafeEqual(digits, expected)) step = candidate;
    }
    if (step === undefined) return false;
    const taken = await queries.query(
      'update second_factors set last_step = $2 where user_id = $1 and last_step < $2 returning 1',
      [userId, step],
    );
    return taken.length > 0;
  }
}

async function find(queries: AuthQueries, userId: string): Promise<Factor | undefined> {
  const [row] = await queries.query<Factor>(
    'select sealed_secret, enabled_at is not null as enabled, last_step from second_factors where user_id = $1',
    [userId],
  );
  return row;
}

async function newRecoveryCodes(queries: AuthQueries, userId: string): Promise<string[]> {
  // 80 bits each: too many to try, so a plain hash keeps them.
  const made = Array.from({ length: codes }, () =>
    base32.encode(randomBytes(10), { padding: false }).toLowerCase(),
  );
  await queries.query('delete from recovery_codes where user_id = $1', [userId]);
  await queries.query('insert into recovery_codes (user_id, hash) select $1, unnest($2::bytea[])', [
    userId,
    made.map(hashOf),
  ]);
  return made.map((code) => code.match(/.{4}/g)!.join('-'));
}

async function useRecoveryCode(queries: AuthQueries, userId: string, code: string) {
  const plain = code.toLowerCase().replace(/[\s-]/g, '');
  const used = await queries.query(
    'delete from recovery_codes where user_id = $1 and hash = $2 returning 1',
    [userId, hashOf(plain)],
  );
  return used.length > 0;
}

const hashOf = (code: string) => createHash('sha256').update(code).digest();
