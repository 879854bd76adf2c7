/** A stretch that differs: `a[aFrom, aTo)` became `b[bFrom, bTo)`. */
export type Change = { aFrom: number; aTo: number; bFrom: number; bTo: number };

const smallEnough = 4_000_000;

/**
 * Pairs of indexes of equal members, in order, as many as can be had cheaply.
 *
 * Equal ends first, then members that occur once on both sides as anchors, and the longest common
 * subsequence in the small gaps between: exact on small input, near to linear on large.
 */
export function match(a: readonly string[], b: readonly string[]): [number, number][] {
  const pairs: [number, number][] = [];
  const gaps = [{ aFrom: 0, aTo: a.length, bFrom: 0, bTo: b.length }];
  for (let gap = gaps.pop(); gap; gap = gaps.pop()) {
    let { aFrom, aTo, bFrom, bTo } = gap;
    while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) pairs.push([aFrom++, bFrom++]);
    while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) pairs.push([--aTo, --bTo]);
    if (aFrom === aTo || bFrom === bTo) continue;
    if ((aTo - aFrom) * (bTo - bFrom) <= smallEnough) {
      pairs.push(...longest(a, b, { aFrom, aTo, bFrom, bTo }));
      continue;
    }
    const found = anchors(a, b, { aFrom, aTo, bFrom, bTo });
    if (found.length === 0) continue;
    for (const [i, j] of [...found, [aTo, bTo] as const]) {
      gaps.push({ aFrom, aTo: i, bFrom, bTo: j });
      [aFrom, bFrom] = [i + 1, j + 1];
    }
    pairs.push(...found);
  }
  return pairs.sort((x, y) => x[0] - y[0]);
}

/** What lies between the pairs. */
export function changes(pairs: [number, number][], aLength: number, bLength: number): Change[] {
  const out: Change[] = [];
  let [aFrom, bFrom] = [0, 0];
  for (const [aTo, bTo] of [...pairs, [aLength, bLength] as const]) {
    if (aTo > aFrom || bTo > bFrom) out.push({ aFrom, aTo, bFrom, bTo });
    [aFrom, bFrom] = [aTo + 1, bTo + 1];
  }
  return out;
}

function longest(a: readonly string[], b: readonly string[], gap: Change): [number, number][] {
  const height = gap.aTo - gap.aFrom;
  const width = gap.bTo - gap.bFrom;
  const table = new Uint16Array((height + 1) * (width + 1));
  for (let i = height - 1; i >= 0; i--)
    for (let j = width - 1; j >= 0; j--) {
      const at = i * (width + 1) + j;
      const equal = a[gap.aFrom + i] === b[gap.bFrom + j];
      table[at] = equal
        ? table[at + width + 2]! + 1
        : Math.max(table[at + 1]!, table[at + width + 1]!);
    }
  const pairs: [number, number][] = [];
  let [i, j] = [0, 0];
  while (i < height && j < width) {
    if (a[gap.aFrom + i] === b[gap.bFrom + j]) pairs.push([gap.aFrom + i++, gap.bFrom + j++]);
    else if (table[i * (width + 1) + j + 1]! > table[(i + 1) * (width + 1) + j]!) j++;
    else i++;
  }
  return pairs;
}

/** Members that occur once on both sides, the longest run of them that stands in the same order. */
function anchors(a: readonly string[], b: readonly string[], gap: Change): [number, number][] {
  const inA = once(a, gap.aFrom, gap.aTo);
  const inB = once(b, gap.bFrom, gap.bTo);
  const tails: number[] = [];
  const pairs: { i: number; j: number; before: number }[] = [];
  for (const [member, i] of inA) {
    const j = inB.get(member);
    if (i < 0 || j === undefined || j < 0) continue;
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[tails[middle]!]!.j < j) low = middle + 1;
      else high = middle;
    }
    pairs.push({ i, j, before: low > 0 ? tails[low - 1]! : -1 });
    tails[low] = pairs.length - 1;
  }
  const out: [number, number][] = [];
  for (let at = tails.at(-1) ?? -1; at >= 0; at = pairs[at]!.before)
    out.push([pairs[at]!.i, pairs[at]!.j]);
  return out.reverse();
}

function once(list: readonly string[], from: number, to: number): Map<string, number> {
  const seen = new Map<string, number>();
  for (let at = from; at < to; at++) seen.set(list[at]!, seen.has(list[at]!) ? -1 : at);
  return seen;
}
