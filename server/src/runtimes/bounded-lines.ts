const NEWLINE = 10;

/** Cuts a byte stream into lines and never holds more than `most` bytes of an unfinished one. */
export class BoundedLines {
  readonly #most: number;
  #held: Buffer[] = [];
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Hands over the lines that `chunk` completes, in order; false once a line is too long. */
  push(chunk: Buffer, line: (bytes: Buffer) => void): boolean {
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      if (!this.#hold(chunk.subarray(at, end))) return false;
      const whole = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
      this.#held = [];
      this.#size = 0;
      at = end + 1;
      line(whole);
    }
    return this.#hold(chunk.subarray(at));
  }

  #hold(part: Buffer): boolean {
    this.#size += part.length;
    if (this.#size > this.#most) return false;
    if (part.length > 0 || this.#held.length === 0) this.#held.push(part);
    return true;
  }
}
