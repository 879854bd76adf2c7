import { invalid, KyozoError, resourceOf } from '@kyozo/resource';
import type { Call, Performers } from '../actions.ts';
import type { Records } from '../records.ts';
import { proven } from './account-actions.ts';
import type { AuthDatabase } from './auth-database.ts';
import type { Guesses } from './guesses.ts';
import type { Passkeys } from './passkeys.ts';
import { findPerson } from './passwords.ts';
import { mustBeProven, noteProof } from './proof.ts';
import type { SecondFactors } from './second-factors.ts';
import { endSession, endSessions } from './sessions.ts';
import { mustBeSession, type SignIn } from './sign-in.ts';

export type CredentialParts = {
  auth: AuthDatabase;
  signIn: SignIn;
  guesses: Guesses;
  secondFactors: SecondFactors;
  passkeys: Passkeys;
  records: Records;
};

/** Second factors, passkeys and sessions: what a person has beside the password. */
export function credentialPerformers(parts: CredentialParts): Performers {
  const { auth, signIn, guesses, secondFactors, passkeys, records } = parts;

  const withPassword = async (call: Call) => {
    await mustBeSession(auth, call.actor);
    return proven(parts, call, call.input.arguments.currentPassword as string);
  };
  /** With a second factor on, a password alone is half of what signing in takes. */
  const withPasswordAlone = async (call: Call, password: string) => {
    if (await secondFactors.isOn(call.actor.userId))
      throw invalid('Give a code of the second factor.', { pointer: '/data/attributes/code' });
    await proven(parts, call, password);
  };
  const withPasskey = async ({ actor, client }: Call, response: unknown) => {
    const id = await guesses.holding(client, () => passkeys.personOf(response));
    if (id !== actor.userId)
      throw invalid('This passkey is another person’s.', { pointer: '/data/attributes/response' });
  };
  const self = async (call: Call) => {
    await mustBeSession(auth, call.actor);
    return (await findPerson(auth, { id: call.actor.userId }))!;
  };
  const sessionOf = ({ actor }: Call) => ({ session: actor.credential.id });
  const codeIn = (call: Call) => call.input.arguments.code as string;

  return {
    async 'users.prove'(call: Call) {
      await mustBeSession(auth, call.actor);
      const { currentPassword, code, response } = call.input.arguments as {
        currentPassword?: string;
        code?: string;
        response?: unknown;
      };
      if (response !== undefined) await withPasskey(call, response);
      else if (code !== undefined)
        await secondFactors.prove(await self(call), code, sessionOf(call));
      else if (currentPassword !== undefined) await withPasswordAlone(call, currentPassword);
      else
        throw invalid('Give currentPassword, code or response.', { pointer: '/data/attributes' });
      await noteProof(auth, call.actor);
      return {};
    },
    async 'users.two-factor-enroll'(call: Call) {
      const enrolled = await secondFactors.enroll(await withPassword(call));
      await noteProof(auth, call.actor);
      return { meta: enrolled };
    },
    async 'users.two-factor-enable'(call: Call) {
      await mustBeProven(auth, call.actor);
      const person = await self(call);
      const recoveryCodes = await secondFactors.enable(person, codeIn(call), sessionOf(call));
      return { ...(await signIn.show(call.actor)), meta: { recoveryCodes } };
    },
    async 'users.two-factor-disable'(call: Call) {
      const person = await withPassword(call);
      await secondFactors.disable(person, codeIn(call), sessionOf(call));
      return signIn.show(call.actor);
    },
    async 'users.two-factor-recovery-codes'(call: Call) {
      const person = await withPassword(call);
      const recoveryCodes = await secondFactors.renewCodes(person, codeIn(call), sessionOf(call));
      return { meta: { recoveryCodes } };
    },

    async 'users.passkey-challenge'({ client }: Call) {
      await guesses.challenge(client);
      return { meta: { options: await passkeys.challenge() } };
    },
    async 'users.passkey-sign-in'({ input, client }: Call) {
      return guesses.holding(client, async () => {
        const id = await passkeys.personOf(input.arguments.response);
        const person = await findPerson(auth, { id });
        if (!person) throw new KyozoError('unauthenticated', 'The passkey was not accepted.');
        signIn.mustBeConfirmed(person);
        return signIn.open(person, client);
      });
    },
    async 'users.new-passkey-challenge'(call: Call) {
      await guesses.challenge(call.client);
      const person = await self(call);
      await mustBeProven(auth, call.actor);
      return { meta: { options: await passkeys.newChallenge(person) } };
    },
    async 'passkeys.create'({ actor, input }: Call) {
      await mustBeProven(auth, actor);
      const id = await passkeys.add(actor, input.values.name as string, input.arguments.response);
      return { row: await records.one(actor, resourceOf(records.known, 'passkeys'), id) };
    },
    async 'passkeys.destroy'({ actor, record }: Call) {
      await mustBeProven(auth, actor);
      await passkeys.remove(actor, record!.id);
      return {};
    },

    async 'sessions.destroy'({ actor, record }: Call) {
      await mustBeSession(auth, actor);
      await endSession(auth, actor.userId, record!.id);
      return {};
    },
    async 'sessions.revoke-others'({ actor }: Call) {
      await mustBeSession(auth, actor);
      await endSessions(auth, actor.userId, actor.credential.id);
      return {};
    },
  };
}
