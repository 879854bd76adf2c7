/** Where things lie below the git folder. Repositories are named by uuid only. */
import { join } from 'node:path';

export const repositoryFolder = (root: string, id: string) => join(root, `${id}.git`);
export const temporaryFolder = (root: string) => join(root, 'tmp');
export const journalFolder = (root: string) => join(root, 'journal');
export const hooksFolder = (root: string) => join(root, 'no-hooks');

/** The file of a loose object. */
export const loosePath = (repository: string, oid: string) =>
  join(repository, 'objects', oid.slice(0, 2), oid.slice(2));

const OID = /^[0-9a-f]{40}$/;
export const isOid = (text: string) => OID.test(text);
