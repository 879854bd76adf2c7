import { AuthDatabase } from './accounts/auth-database.ts';
import { rotateKeys } from './accounts/signing-keys.ts';
import type { Config } from './config.ts';
import { runningEmbedded } from './database/embedded.ts';
import { rotateTeamKeys } from './workspaces/team-keys.ts';

/**
 * Gives the database a new signing key, wraps the teams' keys with the master key that is set now and
 * gives each team a new one, beside a server that runs or not.
 * @throws Error when the embedded database is not running: it is its server's to start
 */
export async function rotateAllKeys(config: Config): Promise<void> {
  const url = config.databaseUrl ?? (await runningEmbedded(config.dataDir, config.secretKey));
  if (!url)
    throw new Error('The embedded database is not running: start Kyozo Store, then rotate.');
  const owner = new AuthDatabase(url);
  try {
    await owner.transaction(async (queries) => {
      await rotateKeys(queries, config.secretKey, {
        olderThanDays: 0,
        accessTtl: config.accessTtl,
      });
      await rotateTeamKeys(queries, config.masterKeys);
    });
  } finally {
    await owner.close();
  }
}
