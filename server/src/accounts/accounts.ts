import type { Performer, Performers } from '../actions.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { Queue } from '../jobs/queue.ts';
import { cleanUp } from '../jobs/tasks/clean-up.ts';
import { mailPerson } from '../jobs/tasks/mail-person.ts';
import { rotateKeysDaily } from '../jobs/tasks/rotate-keys.ts';
import { createPost, type Post, sendMail } from '../jobs/tasks/send-mail.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { Records } from '../records.ts';
import { accountPerformers } from './account-actions.ts';
import type { AuthDatabase } from './auth-database.ts';
import { Authenticator } from './authenticate.ts';
import { credentialPerformers } from './credential-actions.ts';
import { Guesses } from './guesses.ts';
import { Limits } from './limits.ts';
import { MailLimits } from './mail-limits.ts';
import { Notices } from './notices.ts';
import { Passkeys } from './passkeys.ts';
import { Providers } from './providers.ts';
import { SecondFactors } from './second-factors.ts';
import { SignIn } from './sign-in.ts';
import { SigningKeys } from './signing-keys.ts';
import type { Remains } from './teams.ts';
import { Tokens } from './tokens.ts';

type Parts = {
  config: Config;
  database: Database;
  auth: AuthDatabase;
  records: Records;
  queue: Queue;
  mailer: Mailer;
  /** Has a person's readers of notifications look. */
  wake(person: string): void;
  /** Closes what is open of a team that is no more. */
  ended(remains: Remains): Promise<void>;
};

/** Identity, put together: who a credential is, and what people do to their own accounts. */
export type Accounts = {
  authenticator: Authenticator;
  keys: SigningKeys;
  providers: Providers;
  post: Post;
  mailLimits: MailLimits;
  performers: Performers;
  /** Limits how often one client may show a token that nobody has. */
  guarded(performer: Performer): Performer;
};

export async function openAccounts(parts: Parts): Promise<Accounts> {
  const { config, database, auth, records, queue, mailer } = parts;
  const { secretKey, publicUrl, accessTtl, refreshTtl, confirmation, magicLink } = config;
  const limits = new Limits(database);
  const keys = await SigningKeys.open(auth, secretKey);
  const notices = new Notices(queue, parts.wake);
  const tokens = new Tokens(auth, { access: accessTtl, refresh: refreshTtl }, keys, notices);
  const authenticator = new Authenticator(database, tokens);
  const post = createPost(queue, secretKey);
  const mailLimits = new MailLimits(limits, config);
  const guesses = new Guesses(limits, auth, config);
  const secondFactors = new SecondFactors(auth, guesses, notices, secretKey);
  const signIn = new SignIn({
    ...{ auth, tokens, authenticator, records, secondFactors, queue },
    ...{ confirmation, refreshTtl },
  });
  await queue.start(sendMail(mailer, secretKey));
  await queue.start(mailPerson({ queries: auth, mailLimits, mailer, publicUrl }));
  await queue.start(rotateKeysDaily(keys, accessTtl));
  await queue.start(cleanUp(auth, config.dataDir));
  const passkeys = new Passkeys(auth, notices, publicUrl);
  return {
    authenticator,
    keys,
    post,
    mailLimits,
    providers: new Providers(auth, queue, config),
    guarded: (performer) => (call) => guesses.holding(call.client, () => performer(call)),
    performers: {
      ...accountPerformers({
        ...{ auth, tokens, signIn, guesses, queue, post, notices, secondFactors },
        ...{ confirmation, magicLink, ended: parts.ended },
      }),
      ...credentialPerformers({ auth, signIn, guesses, secondFactors, passkeys, records }),
    },
  };
}
