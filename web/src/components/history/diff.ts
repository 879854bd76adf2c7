import { diffWordsWithSpace, parsePatch } from 'diff';

/** A part of a line; `changed` where the two lines differ. */
export type Piece = { text: string; changed: boolean };
export type Line = {
  kind: 'same' | 'added' | 'removed';
  /** The line's number in the older and in the newer text. */
  before?: number;
  after?: number;
  pieces: Piece[];
};
/** Lines that changed with a few around them, and how many were left out before them. */
export type Hunk = { skipped: number; lines: Line[] };
export type Diff = { hunks: Hunk[]; added: number; removed: number };

/** Longer lines are shown changed as a whole: comparing their words would take too long. */
const longest = 2_000;

/** A unified diff as lines to show, with the words that changed. */
export function diffOf(patch: string): Diff {
  const hunks: Hunk[] = [];
  let end = 1;
  for (const { oldStart, oldLines, newStart, lines } of parsePatch(patch)[0]?.hunks ?? []) {
    hunks.push({ skipped: Math.max(0, oldStart - end), lines: linesOf(lines, oldStart, newStart) });
    end = oldStart + oldLines;
  }
  const count = (kind: Line['kind']) =>
    hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.kind === kind).length, 0);
  return { hunks, added: count('added'), removed: count('removed') };
}

function linesOf(texts: readonly string[], oldStart: number, newStart: number): Line[] {
  let [before, after] = [oldStart, newStart];
  const lines: Line[] = [];
  for (const text of texts) {
    const pieces = [{ text: text.slice(1), changed: false }];
    if (text.startsWith('-')) lines.push({ kind: 'removed', before: before++, pieces });
    else if (text.startsWith('+')) lines.push({ kind: 'added', after: after++, pieces });
    else if (text.startsWith(' ')) {
      lines.push({ kind: 'same', before: before++, after: after++, pieces });
    }
  }
  markWords(lines);
  return lines;
}

/** In as many lines removed as added, each is taken for a change of the one in its place. */
function markWords(lines: readonly Line[]): void {
  for (let at = 0; at < lines.length; ) {
    const removed = runFrom(lines, at, 'removed');
    const added = runFrom(lines, at + removed.length, 'added');
    if (removed.length === added.length) {
      for (const [index, line] of removed.entries()) compareWords(line, added[index]!);
    }
    at += Math.max(1, removed.length + added.length);
  }
}

function runFrom(lines: readonly Line[], start: number, kind: Line['kind']): Line[] {
  const rest = lines.slice(start);
  const end = rest.findIndex((line) => line.kind !== kind);
  return end < 0 ? rest : rest.slice(0, end);
}

function compareWords(removed: Line, added: Line): void {
  const [before, after] = [removed.pieces[0]!.text, added.pieces[0]!.text];
  if (before.length > longest || after.length > longest) return;
  const parts = diffWordsWithSpace(before, after);
  // Where nothing is left of a line, marking every word of it says nothing.
  if (!parts.some((part) => !part.added && !part.removed && part.value.trim() !== '')) return;
  const pieces = (other: 'added' | 'removed'): Piece[] =>
    parts
      .filter((part) => !part[other])
      .map((part) => ({ text: part.value, changed: part.added || part.removed }));
  removed.pieces = pieces('added');
  added.pieces = pieces('removed');
}
