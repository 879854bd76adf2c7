/**
 * A text without the given characters at its end. The pattern that says the same, `/[ ]+$/`, starts
 * anew at each space of a long run that does not end the text.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** A text in one line: each line break, with the spaces around it, becomes one space. */
export function inOneLine(text: string): string {
  if (!/[\r\n]/.test(text)) return text;
  const lines = text.split(/[\r\n]/);
  const first = lines.shift()!.trimEnd();
  const last = lines.pop()!.trimStart();
  return [first, ...lines.map((line) => line.trim()).filter(Boolean), last].join(' ');
}
