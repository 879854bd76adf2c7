/** A workspace made at random, and a plain model of the files that it must hold. */
import type { Person, RecordObject } from '../../server/test/support/api.ts';

/** A file as the model knows it. */
export type Known = {
  /** Undefined until the server has told it. */
  id: string | undefined;
  path: string;
  bytes: Buffer;
  executable: boolean;
  version: number;
  /** Whether another file has been copied from it or to it: which of two equal files moved, nobody can tell. */
  isTwin?: boolean;
  /** Who made the newest version, where it came by a push. */
  author: string | undefined;
};

export type World = {
  random: () => number;
  person: Person;
  workspace: RecordObject;
  address: string;
  /** The bare repository on the server's disk. */
  repository: string;
  folder: string;
  clone: string;
  files: Set<Known>;
  /** Ids that were given out and may not be given to other files. */
  spent: Set<string>;
  count: number;
  done: string[];
};

export const number = ({ random }: World, most: number): number => Math.floor(random() * most);
export const pick = <Item>(world: World, items: readonly Item[]): Item =>
  items[number(world, items.length)]!;

/** Text that shares no line with any other file's. */
export function textOf(world: World, name: string): Buffer {
  const lines = 8 + number(world, 30);
  return Buffer.from(Array.from({ length: lines }, (_, at) => `${name} has line ${at}\n`).join(''));
}

/** Bytes that are no text. */
export function blobOf(world: World): Buffer {
  return Buffer.from(Array.from({ length: 600 }, () => number(world, 256)).concat(0, 255, 0));
}

/** A path that no file has, in any case, and that is no folder. */
export function freePath(world: World): string {
  const name = `${pick(world, ['Note', 'plan', 'übung', 'a b', 'run'])}-${world.count++}`;
  const folders = pick(world, ['', '', 'docs/', 'docs/deep/', 'Src/', `new-${world.count}/`]);
  return `${folders}${name}${pick(world, ['.md', '.txt', '.sh', ''])}`;
}

export const isText = ({ bytes }: Known): boolean => !bytes.includes(0);
