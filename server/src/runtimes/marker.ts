/** Finds where a cell's output ends: the loop writes a marker that the cell could not know before. */
export class MarkerSplitter {
  #marker: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(marker: Buffer) {
    this.#marker = marker;
  }

  /** The output in `chunk`, without what may be the start of the marker. */
  push(chunk: Buffer): { output: Buffer; ended: boolean } {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const at = bytes.indexOf(this.#marker);
    if (at >= 0) return { output: bytes.subarray(0, at), ended: true };
    const keep = this.#partial(bytes);
    this.#held = bytes.subarray(bytes.length - keep);
    return { output: bytes.subarray(0, bytes.length - keep), ended: false };
  }

  /** What was held back, when the stream ends without a marker. */
  rest(): Buffer {
    return this.#held;
  }

  #partial(bytes: Buffer): number {
    const most = Math.min(bytes.length, this.#marker.length - 1);
    for (let size = most; size > 0; size--) {
      const tail = bytes.subarray(bytes.length - size);
      if (tail.equals(this.#marker.subarray(0, size))) return size;
    }
    return 0;
  }
}

/** The marker for a cell; loops build it the same way. */
export function markerOf(nonce: string): Buffer {
  return Buffer.from(`\u0001end ${nonce}\u0001`);
}
