import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PictureReader, PictureRefused } from '../../src/media/picture-reader.ts';
import { type Spawner, startSpawner } from '../../src/spawn/spawner.ts';

const bwrap = findBwrap();
if (bwrap === undefined) {
  console.warn('NOT TESTED: pictures in the sandbox, because bubblewrap (bwrap) is not installed.');
}

let spawner: Spawner;
let pictures: PictureReader;
beforeAll(async () => {
  if (!bwrap) return;
  spawner = await startSpawner();
  pictures = await PictureReader.open(spawner, bwrap);
});
afterAll(() => spawner?.close());

const read = (bytes: Uint8Array) => pictures.read(Readable.from([bytes]));
const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#c00' } });

describe.skipIf(bwrap === undefined)('pictures', () => {
  test.each(['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const)(
    'a %s is known by its size and made anew, smaller, as WebP',
    async (format) => {
      const picture = await read(await blank(1200, 800).toFormat(format).toBuffer());
      expect(picture).toMatchObject({ width: 1200, height: 800 });
      const made = await sharp(picture.thumbnail).metadata();
      expect([made.format, made.width, made.height]).toEqual(['webp', 512, 341]);
    },
  );

  test('a small one keeps its size, one that lies on its side stands up, and nothing hidden stays', async () => {
    const { thumbnail } = await read(await blank(40, 30).png().toBuffer());
    expect(await sharp(thumbnail).metadata()).toMatchObject({ width: 40, height: 30 });

    const exif = { IFD0: { Copyright: 'where I live' } };
    const lying = await blank(60, 20)
      .withExif(exif)
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const picture = await read(lying);
    expect(picture).toMatchObject({ width: 20, height: 60, format: 'jpeg' });
    const made = await sharp(picture.thumbnail).metadata();
    expect([made.width, made.height, made.exif]).toEqual([20, 60, undefined]);
  });

  test('thirty broken ones, and what is none, are refused with a sentence', async () => {
    const whole = await blank(300, 300).png().toBuffer();
    const broken = [
      Buffer.alloc(0),
      Buffer.from('no picture'),
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg'),
      ...Array.from({ length: 9 }, (_, at) => whole.subarray(0, 10 + at * 5)),
      ...Array.from({ length: 18 }, (_, at) => {
        // A chunk's length, its name or what its picture is made of.
        const bytes = Buffer.from(whole);
        bytes.fill(0xff, 8 + at * 2, 12 + at * 2);
        return bytes;
      }),
    ];
    expect(broken).toHaveLength(30);
    let refused = 0;
    for (const bytes of broken) {
      const error: unknown = await read(bytes).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) continue;
      expect(error).toBeInstanceOf(PictureRefused);
      expect((error as Error).message).not.toBe('');
      refused += 1;
    }
    expect(refused).toBeGreaterThanOrEqual(25);
  });

  test('a flood of pixels is refused by its header', async () => {
    await expect(read(flood(60_000, 60_000))).rejects.toThrow(/pixel/iu);
  });
});

/** A PNG of a few kilobytes that says it has so many pixels. */
function flood(width: number, height: number): Buffer {
  const chunk = (name: string, data: Buffer) => {
    const bytes = Buffer.alloc(12 + data.length);
    bytes.writeUInt32BE(data.length, 0);
    bytes.write(name, 4, 'latin1');
    data.copy(bytes, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = deflateSync(Buffer.alloc(1_000_000));
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function findBwrap(): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'command -v bwrap'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
