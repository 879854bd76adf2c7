import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  type Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  type ZipFile,
} from 'yauzl';
import type { PassingFile } from '../storage/passing-file.ts';

/** An archive that is none, or is one to do harm with: nothing of it is read further. */
export class BadArchive extends Error {}
/** One entry that is refused; the others are not. */
export class BadEntry extends Error {}

/** What an archive may be; each can be met by files that somebody has, and by no bomb. */
export const archiveLimits = {
  /** As many as a push may bring files into a workspace. */
  entries: 100_000,
  /** Times its compressed size that something may unpack to; logs have 50, only bombs and zeros more. */
  ratio: 200,
  /** Bytes of an entry, and of all, up to which the ratio may be any: what is small does no harm. */
  entryFloor: 16 * 2 ** 20,
  floor: 64 * 2 ** 20,
};

export type ZipEntry = {
  /** As the archive calls it. */
  name: string;
  /** Where it is to be: the name with slashes for backslashes, and without `./`. */
  path: string;
  entry: Entry;
};
export type Zip = {
  /** Those of the entries whose path another one has. */
  repeated: ReadonlySet<ZipEntry>;
  /** Its files in the order of the directory; folders are what their files make them. */
  entries: readonly ZipEntry[];
  /** The content of one, checked against what the directory says. @throws BadEntry */
  open(entry: ZipEntry): Promise<AsyncIterable<Uint8Array>>;
  close(): void;
};

/**
 * Opens a zip and looks over its whole directory before anything is unpacked. The file is closed with it.
 * @throws BadArchive
 */
export async function readZip(file: PassingFile, sizeLimit: number): Promise<Zip> {
  const zip = await openZip(file).catch(unreadable);
  try {
    const entries = await directoryOf(zip);
    requireBounds(entries, zip.fileSize, sizeLimit);
    const files = entries.filter(({ path }) => path !== '' && !path.endsWith('/'));
    const repeated = findRepeated(files);
    return {
      entries: files,
      repeated,
      open: (entry) => openEntry(zip, entry),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function openZip(file: PassingFile): Promise<ZipFile> {
  const options = {
    lazyEntries: true,
    autoClose: false,
    // Its own decoding refuses a whole archive for one name; ours refuses that entry.
    decodeStrings: false,
    validateEntrySizes: true,
  };
  try {
    return await fromRandomAccessReaderPromise(new Reader(file), await file.size(), options);
  } catch (error) {
    await file.close();
    throw error;
  }
}

class Reader extends RandomAccessReader {
  readonly #file: PassingFile;

  constructor(file: PassingFile) {
    super();
    this.#file = file;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#file.read({ start, end }), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#file
      .readInto(buffer.subarray(offset, offset + length), position)
      .then((read) => callback(read === length ? null : new Error('unexpected EOF')), callback);
  }

  override close(callback: (error: Error | null) => void): void {
    this.#file.close().then(() => callback(null), callback);
  }
}

async function directoryOf(zip: ZipFile): Promise<ZipEntry[]> {
  if (zip.entryCount > archiveLimits.entries)
    throw new BadArchive(`The archive has more than ${archiveLimits.entries} entries.`);
  const entries: ZipEntry[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      entries.push({ name, path: pathOf(name), entry });
    }
  } catch (error) {
    return unreadable(error as Error);
  }
  return entries;
}

/** Names are UTF-8, said or not, else code page 437. What is said to be UTF-8 and is not, is shown so. */
function nameOf(entry: Entry): string {
  const raw = entry.fileNameRaw;
  const flags = isUtf8(raw) ? entry.generalPurposeBitFlag | 0x800 : entry.generalPurposeBitFlag;
  return getFileNameLowLevel(flags, raw, entry.extraFields, true);
}

/** Many tools write `./x`, and `a\\b` on Windows. A name that is still unsafe is refused as any other path. */
const pathOf = (name: string): string =>
  name
    .replaceAll('\\', '/')
    .split('/')
    .filter((segment) => segment !== '.')
    .join('/');

/** The files whose path an earlier one has under another name: they would overwrite it unseen. */
function findRepeated(entries: readonly ZipEntry[]): Set<ZipEntry> {
  const names = new Map<string, string>();
  const repeated = new Set<ZipEntry>();
  for (const one of entries) {
    const first = names.get(one.path);
    if (first === undefined) names.set(one.path, one.name);
    else if (first !== one.name) repeated.add(one);
  }
  return repeated;
}

/** Sizes that fit, and no two entries in one place: overlapping ones unpack to petabytes. */
function requireBounds(entries: readonly ZipEntry[], size: number, sizeLimit: number): void {
  const total = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  if (total > sizeLimit)
    throw new BadArchive(`The archive unpacks to more than ${sizeLimit} bytes.`);
  if (isDenseAsWhole(total, size))
    throw new BadArchive(`The archive unpacks to more than ${archiveLimits.ratio} times its size.`);
  const places = entries
    .map(({ entry }) => [entry.relativeOffsetOfLocalHeader, entry.compressedSize] as const)
    .sort((a, b) => a[0] - b[0]);
  let end = 0;
  for (const [start, length] of places) {
    if (start < end || start + length > size)
      throw new BadArchive('Entries of the archive lie over each other.');
    // The local header is thirty bytes and a name.
    end = start + 30 + length;
  }
}

const isDense = ({ uncompressedSize: size, compressedSize }: Entry): boolean =>
  size > archiveLimits.entryFloor && size > compressedSize * archiveLimits.ratio;

/** Whether a zip, or an entry of it, is compressed so well that it would be refused as a bomb. */
export async function looksLikeBomb(file: PassingFile): Promise<boolean> {
  const zip = await openZip(file);
  try {
    let total = 0;
    for await (const entry of zip.eachEntry()) {
      if (isDense(entry)) return true;
      total += entry.uncompressedSize;
    }
    return isDenseAsWhole(total, zip.fileSize);
  } finally {
    zip.close();
  }
}

const isDenseAsWhole = (total: number, size: number): boolean =>
  total > archiveLimits.floor && total > size * archiveLimits.ratio;

/** Systems that write Unix modes into an archive: Unix and macOS. */
const UNIX = new Set([3, 19]);

/** Whether an entry is a program; undefined where its archive does not say. */
export function isProgram({ entry }: ZipEntry): boolean | undefined {
  const mode = entry.externalFileAttributes >>> 16;
  if (!UNIX.has(entry.versionMadeBy >>> 8) || (mode & 0o777) === 0) return undefined;
  return (mode & 0o100) !== 0;
}

const LINK = 0o120000;
const FILE = 0o100000;

async function openEntry(zip: ZipFile, { entry }: ZipEntry): Promise<AsyncIterable<Uint8Array>> {
  const said = (entry.generalPurposeBitFlag & 0x800) !== 0;
  if (said && !isUtf8(entry.fileNameRaw)) throw new BadEntry('The name is not valid UTF-8.');
  const type = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (type === LINK) throw new BadEntry('Links are not imported.');
  if (type !== 0 && type !== FILE) throw new BadEntry('Only files are imported.');
  if (entry.isEncrypted()) throw new BadEntry('The entry is encrypted.');
  if (!entry.canDecodeFileData()) throw new BadEntry('The entry is compressed in an unknown way.');
  if (isDense(entry))
    throw new BadEntry(`The entry unpacks to more than ${archiveLimits.ratio} times its size.`);
  const stream = await zip.openReadStreamPromise(entry).catch(damaged);
  return checked(stream, entry);
}

async function* checked(
  stream: AsyncIterable<Uint8Array>,
  entry: Entry,
): AsyncGenerator<Uint8Array> {
  let sum = 0;
  try {
    for await (const piece of stream) {
      sum = crc32(piece, sum);
      yield piece;
    }
  } catch (error) {
    damaged(error as Error);
  }
  if (sum !== entry.crc32) damaged(new Error('checksum'));
}

const damaged = (cause: Error): never => {
  throw new BadEntry('The entry is damaged.', { cause });
};

const unreadable = (cause: Error): never => {
  throw new BadArchive('The archive is no zip that can be read.', { cause });
};
