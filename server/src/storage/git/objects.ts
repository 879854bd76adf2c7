/** Git's object formats, as pure functions between values and bytes. */
import { createHash } from 'node:crypto';
import { decodeText } from './encoding.ts';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';
export type FileMode = '100644' | '100755';
export type TreeEntry = { mode: string; name: string; oid: string };
export type Person = { name: string; email: string };

export type CommitFields = {
  tree: string;
  parents: string[];
  author: Person;
  coAuthors?: Person[];
  message: string;
  date: Date;
};

export const TREE_MODE = '40000';

/** The header that git puts before an object's body and into its hash. */
export function objectHeader(type: ObjectType, size: number): Buffer {
  return Buffer.from(`${type} ${size}\0`);
}

/** The object's name: SHA-1 over header and body. */
export function objectId(type: ObjectType, body: Uint8Array): string {
  return createHash('sha1').update(objectHeader(type, body.length)).update(body).digest('hex');
}

/** Splits an inflated object. Throws on a header that git does not write. */
export function splitObject(bytes: Buffer): { type: ObjectType; size: number; body: Buffer } {
  const end = bytes.indexOf(0);
  const match = /^(blob|tree|commit|tag) (\d+)$/.exec(bytes.toString('latin1', 0, end));
  if (!match) throw new Error('not a git object');
  return { type: match[1] as ObjectType, size: Number(match[2]), body: bytes.subarray(end + 1) };
}

/** Entries must be in git's order: see compareEntries. */
export function encodeTree(entries: readonly TreeEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { mode, name, oid } of entries) {
    parts.push(Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex'));
  }
  return Buffer.concat(parts);
}

export function decodeTree(body: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const nul = body.indexOf(0, space);
    entries.push({
      mode: body.toString('latin1', at, space),
      name: body.toString('utf8', space + 1, nul),
      oid: body.toString('hex', nul + 1, nul + 21),
    });
    at = nul + 21;
  }
  return entries;
}

/** Git sorts by bytes, a folder as if its name ended with a slash. */
export function compareEntries(a: TreeEntry, b: TreeEntry): number {
  const left = sortKey(a);
  const right = sortKey(b);
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  return byteRank(left, at) - byteRank(right, at);
}

export function encodeCommit(fields: CommitFields): Buffer {
  const seconds = Math.max(0, Math.floor(fields.date.getTime() / 1000));
  const who = `${person(fields.author)} ${seconds} +0000`;
  const lines = [
    `tree ${fields.tree}`,
    ...fields.parents.map((parent) => `parent ${parent}`),
    `author ${who}`,
    `committer ${who}`,
    '',
    messageWithTrailers(fields.message, fields.coAuthors ?? []),
  ];
  return Buffer.from(lines.join('\n'));
}

/**
 * Reads a commit; its text is in the encoding that it names. As in git, the headers are divided as ASCII
 * first, so that no encoding changes what they say.
 */
export function decodeCommit(body: Buffer): CommitFields {
  const blank = body.indexOf('\n\n');
  const end = blank < 0 ? body.length : blank;
  const headers = body.toString('latin1', 0, end).split('\n');
  const value = (name: string) =>
    headers
      .filter((line) => line.startsWith(`${name} `))
      .map((line) => line.slice(name.length + 1));
  const [encoding] = value('encoding');
  const text = (raw = '') => decodeText(Buffer.from(raw, 'latin1'), encoding);
  const [, name, email, seconds] =
    /^([^<]*?) ?<([^>]*)> (-?\d+)/.exec(value('author')[0] ?? '') ?? [];
  return {
    tree: value('tree')[0] ?? '',
    parents: value('parent'),
    author: { name: text(name), email: text(email) },
    message: decodeText(body.subarray(end + 2), encoding),
    date: new Date(Number(seconds ?? 0) * 1000),
  };
}

function sortKey({ mode, name }: TreeEntry): string {
  return mode === TREE_MODE ? `${name}/` : name;
}

/** UTF-8 bytes sort like code points: a surrogate ranks above every other code unit. */
function byteRank(text: string, at: number): number {
  if (at >= text.length) return -1;
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function person({ name, email }: Person): string {
  const plainName = withoutMarkup(name) || withoutMarkup(email) || 'unknown';
  return `${plainName} <${withoutMarkup(email).replaceAll(' ', '')}>`;
}

function withoutMarkup(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the header line
  return text.replace(/[<>\u0000-\u001f\u007f]+/g, ' ').trim();
}

function messageWithTrailers(message: string, coAuthors: Person[]): string {
  const text = message.replaceAll('\0', '').trimEnd();
  const trailers = coAuthors.map((author) => `Co-authored-by: ${person(author)}`);
  return `${[text, trailers.join('\n')].filter((part) => part !== '').join('\n\n')}\n`;
}
