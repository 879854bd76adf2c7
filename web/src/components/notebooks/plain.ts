// Colours and cursor movements of a terminal; the escape character itself starts each.
// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are control characters
const escapes = /\u001B(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-_])/gu;

/** What a terminal would show at the end: no escapes, and a carriage return starts its line again. */
export function plain(text: string): string {
  return text
    .replaceAll(escapes, '')
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r', line.length - 2) + 1).replace(/\r$/u, ''))
    .join('\n');
}
