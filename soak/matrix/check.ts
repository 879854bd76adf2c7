import type { Record_ } from './oracle.ts';
import type { Credential } from './scene.ts';

/** What is wrong with an answer, or undefined. */
type Verify = (status: number, text: string) => string | undefined;
/** One request, and how its answer is judged. */
export type Request = {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: unknown;
  /** The body of the answer does not end by itself. */
  endless?: boolean;
  verify: Verify;
};
/** Makes the request of a credential about a record; nothing where there is nothing to ask. */
export type Ask = (credential: Credential, record: Record_) => Request | undefined;
/** Something that can be asked of every record of a type. */
export type Check = { name: string; of: string; ask: Ask };

export const status =
  (expected: number): Verify =>
  (found) =>
    found === expected ? undefined : `${found} where ${expected} is due`;

/** The largest page: a list that is longer is only looked through for what must not be there. */
const page = 100;

/** Exactly what is visible, no more and no less. */
export const shows =
  (visible: readonly Record_[], idsIn: (text: string) => readonly string[]): Verify =>
  (found, text) => {
    if (found !== 200) return `${found} where 200 is due`;
    const due = new Set(visible.map(({ id }) => id));
    const ids = idsIn(text);
    const leaked = ids.find((id) => !due.has(id));
    if (leaked) return `shows ${leaked}`;
    return due.size <= page && ids.length !== due.size
      ? `shows ${ids.length} of ${due.size}`
      : undefined;
  };
