import { changes, match } from './diff.ts';

const tooLong = 60_000;

/** Words, spaces and single signs; `link` takes a link as one, whatever its way of writing. */
export type Grain = 'word' | 'link';

/**
 * Carries the edit that leads from `normal` to `wanted` over to `source`, which says the same as
 * `normal` in its own way of writing. Everything the edit does not touch keeps its bytes. The
 * caller reads the result back: where the two ways of writing differ inside the edit, it is a guess.
 */
export function merge(
  source: string,
  normal: string,
  wanted: string,
  { eol, grain }: { eol: string; grain: Grain },
): string | undefined {
  if (normal === wanted) return source;
  if (source.length > tooLong || normal.length > tooLong) return undefined;
  const [s, n, w] = [source, normal, wanted].map((text) => tokens(text, grain)) as [
    string[],
    string[],
    string[],
  ];
  const written = match(n.map(shape), s.map(shape));
  const places = new Map(written);
  let out = '';
  let done = 0;
  for (const change of changes(match(n, w), n.length, w.length)) {
    let { aFrom, aTo, bFrom, bTo } = change;
    while (aFrom > 0 && !places.has(aFrom) && !places.has(aFrom - 1))
      [aFrom, bFrom] = [aFrom - 1, bFrom - 1];
    while (aTo < n.length && !places.has(aTo) && !places.has(aTo - 1))
      [aTo, bTo] = [aTo + 1, bTo + 1];
    const empty = aFrom === aTo;
    const before = aFrom === 0 ? 0 : (places.get(aFrom - 1) ?? -2) + 1;
    const from =
      empty || !places.has(aFrom)
        ? before >= 0
          ? before
          : places.get(aFrom)!
        : places.get(aFrom)!;
    const after = aTo === n.length ? s.length : (places.get(aTo) ?? -1);
    const to = empty ? from : places.has(aTo - 1) ? places.get(aTo - 1)! + 1 : after;
    if (from < done || to < from || bFrom < 0 || bTo > w.length) return undefined;
    out += s.slice(done, from).join('') + w.slice(bFrom, bTo).join('').replaceAll('\n', eol);
    done = to;
  }
  return out + s.slice(done).join('');
}

const grains = {
  word: /[\p{L}\p{N}]+|\s+|[\s\S]/gu,
  link: /!?\[(?:\\.|[^\]\\])*\](?:\([^)]*\)|\[[^\]]*\])?|<[^<>\s]+>|[\p{L}\p{N}]+|\s+|[\s\S]/gu,
};

function tokens(text: string, grain: Grain): string[] {
  return text.match(grains[grain]) ?? [];
}

/** A broken line and a space say the same. */
const shape = (token: string): string => (/^\s+$/.test(token) ? ' ' : token);
