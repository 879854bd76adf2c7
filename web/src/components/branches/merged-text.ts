import type { Choice, Part } from '../../services/branches.ts';

/** What the sides are called in conflict markers. */
export type Sides = { ours: string; theirs: string };

/** The text of a merge with each open part as it was chosen; between conflict markers where none was. */
export function mergedText(
  parts: readonly Part[],
  choices: readonly (Choice | undefined)[],
  sides: Sides,
): string {
  let at = 0;
  return parts
    .map((part) => ('text' in part ? part.text : chosen(part, choices[at++], sides)))
    .join('');
}

/** The numbers of the lines that begin and end a conflict. A row of `=` alone is also a heading's underline. */
export function markersIn(text: string): number[] {
  return text.split('\n').flatMap((line, at) => (/^(<{7}|>{7})(\s|$)/u.test(line) ? [at + 1] : []));
}

/** A text with its lines ended as most of another's: a text area gives back bare line feeds. */
export function endedAs(like: string, text: string): string {
  const [all, windows] = [/\n/gu, /\r\n/gu].map((end) => like.match(end)?.length ?? 0);
  return windows! * 2 > all! ? text.replaceAll(/\r?\n/gu, '\r\n') : text;
}

function chosen(
  { ours, theirs }: { ours: string; theirs: string },
  choice: Choice | undefined,
  sides: Sides,
): string {
  if (choice === 'ours') return ours;
  if (choice === 'theirs') return theirs;
  if (choice === 'both') return ended(ours) + theirs;
  return `<<<<<<< ${sides.ours}\n${ended(ours)}=======\n${ended(theirs)}>>>>>>> ${sides.theirs}\n`;
}

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
