/** Characters of a name that a mail shows. */
const longest = 60;

/** What no name needs and what would break a line, a header, or the order in which letters are read. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;
/** What mail programs make links of: schemes, hosts, paths, addresses; also in the look-alikes of a dot. */
const joining =
  /(?<=\S)[.:/\\@\u2024\u3002\ufe52\uff0e\uff61\u2044\u2215\uff0f\uff1a\uff20]+(?=\S)|[:/\\]{2,}/gu;

/**
 * A name as a mail may show it: what people call themselves and their teams is theirs to choose, and who
 * reads it may be a stranger. It is quoted and shortened, and nothing in it becomes a link.
 */
export function nameInMail(name: unknown): string {
  const plain = String(name ?? '')
    .normalize('NFKC')
    .replace(unseen, ' ')
    .replace(joining, ' ')
    .replace(/["“”]/gu, "'")
    .replace(/\s+/gu, ' ')
    .trim();
  const letters = [...plain];
  const short = letters.length > longest ? `${letters.slice(0, longest - 1).join('')}…` : plain;
  return `"${short}"`;
}
