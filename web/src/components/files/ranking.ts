import { fold } from '../../services/fold.ts';
import type { FileRecord } from '../../types/records.ts';

/** The words of a search, folded as the server folds names. */
export function wordsOf(text: string): string[] {
  return fold(text).split(/\s+/u).filter(Boolean);
}

/** The files that fit all words best: by where the words are in the names, then the newest first. */
export function best(
  files: readonly FileRecord[],
  words: readonly string[],
  most: number,
): FileRecord[] {
  return files
    .map((file) => ({ file, ranks: words.map((word) => rankOf(file, word)) }))
    .filter(({ ranks }) => !ranks.includes(unfit))
    .map(({ file, ranks }) => ({ file, rank: ranks.reduce((sum, rank) => sum + rank, 0) }))
    .toSorted((a, b) => a.rank - b.rank || b.file.updatedAt.localeCompare(a.file.updatedAt))
    .slice(0, most)
    .map(({ file }) => file);
}

const unfit = 4;

/** 0 where a name begins with the word, 1 where a word of it does, 2 inside, 3 in the path, 4 nowhere. */
function rankOf({ name, path }: FileRecord, word: string): number {
  const folded = fold(name);
  const at = folded.indexOf(word);
  if (at === 0) return 0;
  if (beginsWord(folded, word)) return 1;
  if (at > 0) return 2;
  return fold(path).includes(word) ? 3 : unfit;
}

function beginsWord(name: string, word: string): boolean {
  for (let at = name.indexOf(word); at >= 0; at = name.indexOf(word, at + 1)) {
    if (at === 0 || /[^\p{L}\p{N}]/u.test(name[at - 1]!)) return true;
  }
  return false;
}
