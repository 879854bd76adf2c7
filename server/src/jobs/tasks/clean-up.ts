import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthQueries } from '../../accounts/auth-database.ts';
import { forgetOldDevices } from '../../accounts/known-devices.ts';
import { forgetPairs } from '../../accounts/refresh-tokens.ts';
import { mailFolder } from '../../mail/mailer.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Nothing to say: it drops what has ended. */
    'clean-up': null;
  }
}

const month = 30 * 86_400_000;

/** Drops what has ended: sessions, tokens, challenges, counts, and mails in the folder after a month. */
export function cleanUp(queries: AuthQueries, dataDir: string): Task<'clean-up'> {
  return {
    name: 'clean-up',
    cron: '17 * * * *',
    async run() {
      await queries.query('delete from sessions where expires_at < now()');
      await queries.query('delete from refresh_tokens where expires_at < now()');
      await forgetPairs(queries);
      await queries.query('delete from one_time_tokens where expires_at < now()');
      await queries.query('delete from passkey_challenges where expires_at < now()');
      await queries.query('delete from verifications where expires_at < now()');
      await queries.query('delete from attempts where ends_at < now()');
      await forgetOldDevices(queries);
      const folder = mailFolder(dataDir);
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        const old = await stat(path).then((it) => it.mtimeMs < Date.now() - month);
        if (old) await rm(path, { force: true });
      }
    },
  };
}
