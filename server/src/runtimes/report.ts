/** What a loop says on its control channel. The cell can write there too, so nothing is trusted. */
import type { CellResult, Output } from './runtime.ts';

export type Report =
  | { type: 'ready' }
  | { type: 'output'; output: Output }
  | { type: 'done'; result: CellResult };

const STREAMS = ['result', 'display', 'error'] as const;
/** A media type with a few parameters, such as `text/html; charset=utf-8`. */
const MEDIA_TYPE = /^[a-z0-9][\w.+-]{0,63}\/[\w.+-]{1,127}(; ?[\w.+=-]{1,63}){0,3}$/i;

/** The report in a line, whose length the caller has bounded; undefined for anything else. */
export function parseReport(line: Buffer): Report | undefined {
  if (!isFlat(line)) return undefined;
  try {
    const { type, stream, mimeType, data, exitCode, reason } = JSON.parse(line.toString());
    if (type === 'ready') return { type };
    if (type === 'done' && Number.isInteger(exitCode)) {
      const code = exitCode & 255;
      return {
        type,
        result: reason === 'memory' ? { exitCode: code, reason } : { exitCode: code },
      };
    }
    const known = STREAMS.find((name) => name === stream);
    if (type !== 'output' || !known || typeof data !== 'string') return undefined;
    if (typeof mimeType !== 'string' || !MEDIA_TYPE.test(mimeType)) return undefined;
    return { type, output: { stream: known, mimeType, data } };
  } catch {
    return undefined;
  }
}

/** The most members that a report has. */
const MEMBERS = 8;
const [QUOTE, BACKSLASH, BRACE, BRACKET, COMMA] = Buffer.from('"\\{[,');

/**
 * Whether a line is at most one object, with no value inside another and few members: JSON.parse
 * needs a hundred bytes and more for each of a million brackets, so it never sees them.
 */
function isFlat(line: Buffer): boolean {
  let quoted = false;
  let braces = 0;
  let members = 1;
  for (let at = 0; at < line.length; at++) {
    const byte = line[at];
    if (quoted && byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) quoted = !quoted;
    else if (quoted) continue;
    else if (byte === BRACE) braces += 1;
    else if (byte === COMMA) members += 1;
    else if (byte === BRACKET) return false;
    if (braces > 1 || members > MEMBERS) return false;
  }
  return braces === 1;
}
