import { randomInt } from 'node:crypto';
import { chmod, lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const FIRST_USER = 210_000;
const USERS = 50_000;
/** Two servers on one machine begin apart: what counts by user, such as processes, they must not share. */
let lastUser = randomInt(USERS);

/**
 * A user id for one sandbox when the server runs as root, else undefined: process limits do not bind
 * root, and what breaks out of a sandbox should own nothing.
 */
export function nextSandboxUser(): number | undefined {
  if (process.getuid?.() !== 0) return undefined;
  lastUser = (lastUser + 1) % USERS;
  return FIRST_USER + lastUser;
}

/** Hands a folder and all in it to a sandbox's user, and the way to it through the folder `around`. */
export async function giveTo(directory: string, user: number, around?: string): Promise<void> {
  if (around !== undefined) await lchown(around, user, user);
  await lchown(directory, user, user);
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), user, user);
  }
}
