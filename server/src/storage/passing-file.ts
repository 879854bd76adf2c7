import { type Cipheriv, createCipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { TeamKey, TeamKeys } from './encrypted.ts';
import { StorageDamaged } from './errors.ts';
import type { ByteRange } from './storage.ts';

/** What it begins with: a 3, which key (four bytes), a salt, and what tells that they belong together. */
const HEAD = 37;
const SALT = 16;
const BLOCK = 16;
const PIECE = 2 ** 19;

/**
 * A file of bytes that are on their way, encrypted in place with AES-256-CTR. Its key follows from its
 * team's and a salt of its own. A stream cipher, because an upload that broke off goes on at any byte;
 * it hides what lies here from who gets the disk, and does not prove that nobody changed it: what comes
 * of it is checked by its own digests, and sealed where it stays.
 */
export class PassingFile {
  readonly #handle: FileHandle;
  readonly #key: Buffer;
  /** The cipher of whoever writes or reads on where they were. */
  #running: { cipher: Cipheriv; at: number } | undefined;

  private constructor(handle: FileHandle, key: Buffer) {
    this.#handle = handle;
    this.#key = key;
  }

  /** Makes a file at a path where none is, or begins an empty one anew. Errors: those of I/O. */
  static async create(path: string, key: TeamKey): Promise<PassingFile> {
    const handle = await open(path, 'w+', 0o600);
    try {
      const salt = randomBytes(SALT);
      const { cipher, proof } = derive(key, salt);
      const head = Buffer.alloc(HEAD);
      head[0] = 3;
      head.writeUInt32BE(key.generation, 1);
      salt.copy(head, 5);
      proof.copy(head, 5 + SALT);
      await writeAll(handle, head, 0);
      return new PassingFile(handle, cipher);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Opens one to read and write. Errors: StorageDamaged when it is none, or not the team's; those of I/O. */
  static async open(path: string, keys: TeamKeys, teamId: string): Promise<PassingFile> {
    const handle = await open(path, 'r+');
    try {
      const head = Buffer.alloc(HEAD);
      await handle.read(head, 0, HEAD, 0);
      if (head[0] !== 3) throw new StorageDamaged('A file under way has lost its beginning.');
      const key = await keys.generation(teamId, head.readUInt32BE(1));
      const { cipher, proof } = derive(key, head.subarray(5, 5 + SALT));
      if (!timingSafeEqual(proof, head.subarray(5 + SALT)))
        throw new StorageDamaged('A file under way was written with another key.');
      return new PassingFile(handle, cipher);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes of content. */
  async size(): Promise<number> {
    return (await this.#handle.stat()).size - HEAD;
  }

  /** Writes all of a piece at a position. One write at a time. */
  async write(piece: Uint8Array, position: number): Promise<void> {
    const bytes = this.#crypt(piece, position);
    await writeAll(this.#handle, bytes, HEAD + position);
    // Nobody else has these bytes: given back now, not when the collector finds them.
    (bytes.buffer as ArrayBuffer).transfer(0);
  }

  /** Fills the buffer from a position; answers how many bytes there were. */
  async readInto(buffer: Buffer, position: number): Promise<number> {
    const filled = await this.#readSealed(buffer, position);
    this.#crypt(buffer.subarray(0, filled), position).copy(buffer);
    return filled;
  }

  /** The content or a part of it, `end` not included. Several at once do not disturb each other. */
  async *read({ start, end }: ByteRange): AsyncGenerator<Buffer> {
    const reader = new PassingFile(this.#handle, this.#key);
    const sealed = Buffer.allocUnsafeSlow(Math.min(PIECE, end - start));
    for (let at = start; at < end; ) {
      const length = await this.#readSealed(sealed.subarray(0, end - at), at);
      if (length === 0) return;
      yield reader.#crypt(sealed.subarray(0, length), at);
      at += length;
    }
  }

  async #readSealed(buffer: Buffer, position: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const rest = buffer.length - filled;
      const at = HEAD + position + filled;
      const { bytesRead } = await this.#handle.read(buffer, filled, rest, at);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(HEAD + size);
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #crypt(bytes: Uint8Array, position: number): Buffer {
    if (this.#running?.at !== position)
      this.#running = { cipher: cipherAt(this.#key, position), at: position };
    this.#running.at += bytes.length;
    return this.#running.cipher.update(bytes);
  }
}

/** Two keys in one: what encrypts, and what shows that it is the right one. */
function derive({ key }: TeamKey, salt: Uint8Array): { cipher: Buffer; proof: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', key, salt, 'kyozo passing file', 32 + BLOCK));
  return { cipher: bytes.subarray(0, 32), proof: bytes.subarray(32) };
}

/** Counter mode may begin at any block; what lies before the position in its block is passed over. */
function cipherAt(key: Buffer, position: number): Cipheriv {
  const counter = Buffer.alloc(BLOCK);
  counter.writeBigUInt64BE(BigInt(Math.floor(position / BLOCK)), 8);
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  cipher.update(Buffer.alloc(position % BLOCK));
  return cipher;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
