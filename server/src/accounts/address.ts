import { invalid } from '@kyozo/resource';

/** ASCII only: a look-alike or a letter that folds to another must never reach another's mailbox. */
const pattern =
  /^(?!\.)(?!.*\.\.)[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$/;

/** An e-mail address in lower case, the form that all tables hold. @throws KyozoError `invalid` for a doubtful one */
export function addressOf(email: unknown): string {
  if (typeof email !== 'string' || !pattern.test(email))
    throw invalid('email must be an e-mail address.', { pointer: '/data/attributes/email' });
  return email.toLowerCase();
}
