import type { SigningKeys } from '../../accounts/signing-keys.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Nothing to say: it looks at the age of the newest key. */
    'rotate-keys': null;
  }
}

const days = 30;

/** Gives the server a new signing key once the newest is a month old; the old one verifies on for a while. */
export function rotateKeysDaily(keys: SigningKeys, accessTtl: number): Task<'rotate-keys'> {
  return {
    name: 'rotate-keys',
    cron: '41 3 * * *',
    async run() {
      await keys.rotate({ olderThanDays: days, accessTtl });
    },
  };
}
