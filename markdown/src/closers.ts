/** What lines of one container close: mathematics by `$$` at a line's end, directives by their colons. */
export class Closers {
  readonly from: number;
  readonly to: number;
  /** Of each line, the next one that ends in `$$`. */
  readonly #math: Int32Array;
  /** Of each line that opens a directive, the bare line that balances it. */
  readonly #balanced = new Map<number, number>();
  /** Bare lines of colons, each with the next one that has more of them. */
  readonly #bare: { line: number; length: number; longer: number }[] = [];
  /** Of each line, the first bare one after it, as an index. */
  readonly #nextBare: Int32Array;

  /** @param from the number of the first line */
  constructor(from: number, lines: readonly string[]) {
    this.from = from;
    this.to = from + lines.length;
    this.#math = new Int32Array(lines.length).fill(-1);
    this.#nextBare = new Int32Array(lines.length);
    this.#readDirectives(lines);
    for (let at = lines.length - 2; at >= 0; at--)
      this.#math[at] = lines[at + 1]!.trimEnd().endsWith('$$') ? at + 1 : this.#math[at + 1]!;
  }

  /** The line that closes the mathematics which open at a line, if any does. */
  math(line: number): number | undefined {
    const at = this.#math[line - this.from]!;
    return at < 0 ? undefined : this.from + at;
  }

  /** The line that closes a directive: one of as many bare colons, or one that balances it. */
  directive(line: number, colons: number): number | undefined {
    const at = line - this.from;
    const balanced = this.#balanced.get(at) ?? Number.POSITIVE_INFINITY;
    let next = this.#nextBare[at]!;
    while (next < this.#bare.length && this.#bare[next]!.length < colons)
      next = this.#bare[next]!.longer;
    const last = Math.min(balanced, this.#bare[next]?.line ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(last) ? this.from + last : undefined;
  }

  #readDirectives(lines: readonly string[]): void {
    const open: number[] = [];
    lines.forEach((text, line) => {
      const marker = /^(:{3,})\s*(\S?)/.exec(text);
      if (marker?.[2]) open.push(line);
      else if (marker) {
        const opener = open.pop();
        if (opener !== undefined) this.#balanced.set(opener, line);
        this.#bare.push({ line, length: marker[1]!.length, longer: 0 });
      }
      // Whoever opens here looks at what comes after.
      this.#nextBare[line] = this.#bare.length;
    });
    for (let at = this.#bare.length - 1; at >= 0; at--) {
      let longer = at + 1;
      while (longer < this.#bare.length && this.#bare[longer]!.length <= this.#bare[at]!.length)
        longer = this.#bare[longer]!.longer;
      this.#bare[at]!.longer = longer;
    }
  }
}

const known = new WeakMap<object, Map<string, Closers>>();

/**
 * The closers of the container that a line stands in, read once for all of its lines.
 * @param state the parser's, for as long as one text is read
 * @param anew whether to read them again
 * @param container what tells one container from the others that are open
 */
export function closersOf(
  state: object,
  container: string,
  line: number,
  read: () => Closers,
  anew = false,
): Closers {
  const all = known.get(state) ?? new Map<string, Closers>();
  known.set(state, all);
  const found = all.get(container);
  if (!anew && found && found.from <= line && line < found.to) return found;
  const closers = read();
  all.set(container, closers);
  return closers;
}
