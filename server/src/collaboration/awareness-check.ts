import { Reader, TooMuch } from './update-reader.ts';

/** States in one message: a browser sends back those of everybody in the room. */
const mostStates = 500;
const longest = 256 * 1024;
const longestText = 200;

export type Shown = { id: string; name: string };

/**
 * The clients of a message about who is where.
 * @param bytes its length, then a count, then client, clock and JSON of each, as y-protocols writes it
 * @throws BadUpdate for none, and for one that is too large
 */
export function clientsIn(bytes: Uint8Array): number[] {
  if (bytes.length > longest) throw new TooMuch(`More than ${longest} bytes of awareness.`);
  const reader = new Reader(bytes);
  reader.number();
  const count = reader.number();
  if (count > mostStates) throw new TooMuch(`More than ${mostStates} states.`);
  return Array.from({ length: count }, () => {
    const client = reader.number();
    reader.number();
    reader.json();
    return client;
  });
}

/**
 * A person's state as others are shown it: the name is the account's, a cursor is one that Yjs can find
 * a place for, and nothing else is in it. Undefined for what has another shape.
 */
export function cleanState(state: unknown, shown: Shown): Record<string, unknown> | undefined {
  if (!isRecord(state)) return undefined;
  const { user, cursor } = state;
  const out: Record<string, unknown> = {};
  if (user !== undefined) {
    if (!isRecord(user)) return undefined;
    const { color, colorLight } = user;
    out.user = { ...texts({ color, colorLight }), id: shown.id, name: shown.name };
  }
  if (cursor !== undefined && cursor !== null) {
    if (!isRecord(cursor) || !isPosition(cursor.anchor) || !isPosition(cursor.head))
      return undefined;
    out.cursor = { anchor: cursor.anchor, head: cursor.head };
  } else if (cursor === null) out.cursor = null;
  return out;
}

const texts = (values: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && entry[1].length <= longestText,
    ),
  );

/** A relative position in the document, as Yjs writes it as JSON. */
function isPosition(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { type, tname, item, assoc, ...rest } = value;
  const isShort = tname == null || tname === 'default';
  const isSide = assoc == null || assoc === 0 || assoc === -1;
  const isAnywhere = type != null || tname != null || item != null;
  if (Object.keys(rest).length > 0 || !isShort || !isSide || !isAnywhere) return false;
  return [type, item].every((id) => id == null || isId(id));
}

const isId = (value: unknown): boolean =>
  isRecord(value) && [value.client, value.clock].every((part) => isCount(part));
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
