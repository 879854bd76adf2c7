import { resourceOf } from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Call, Performers } from '../actions.ts';
import type { Records } from '../records.ts';
import { slugOf } from '../slug.ts';
import type { AuthDatabase } from './auth-database.ts';
import type { Authenticator } from './authenticate.ts';
import { foundTeam, mustBeSession } from './sign-in.ts';

type Parts = { auth: AuthDatabase; authenticator: Authenticator; records: Records };

/** Making a team, which nobody can do from within another. */
export function foundingPerformers({ auth, authenticator, records }: Parts): Performers {
  return {
    async 'teams.create'({ actor, input }: Call) {
      await mustBeSession(auth, actor);
      const name = input.values.name as string;
      const slug = (input.values.slug as string | undefined) ?? slugOf(name, uuidv7());
      const id = await foundTeam(auth, actor.userId, name, slug);
      const own = await authenticator.standing(actor.userId, actor.credential.id, id);
      return { row: await records.one(own, resourceOf(records.known, 'teams'), id), actor: own };
    },
  };
}
