import { crc32, deflateRawSync } from 'node:zlib';

/** One entry as it is to stand in a zip, right or wrong. */
export type Part = {
  name: string | Buffer;
  content?: Buffer | string;
  /** Unix mode of the entry, type and all. */
  mode?: number;
  /** Says that the name is UTF-8. */
  utf8?: boolean;
  /** What the directory says of the size, when it is not the truth. */
  size?: number;
  crc?: number;
  flags?: number;
  /** Stands at the local header of the entry of this index instead of one of its own. */
  over?: number;
};

/** A zip made by hand, since no library makes a wrong one. */
export function zip(parts: readonly Part[]): Buffer {
  const out: Buffer[] = [];
  const directory: Buffer[] = [];
  const starts: number[] = [];
  let offset = 0;
  const add = (bytes: Buffer) => {
    out.push(bytes);
    offset += bytes.length;
  };
  for (const part of parts) {
    const name = Buffer.from(part.name as string);
    const content = Buffer.from((part.content ?? '') as string);
    const packed = deflateRawSync(content);
    const flags = (part.flags ?? 0) | (part.utf8 === false ? 0 : 0x800);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(part.crc ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(part.size ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    starts.push(part.over === undefined ? offset : starts[part.over]!);
    if (part.over === undefined) {
      add(Buffer.from('PK\x03\x04', 'latin1'));
      add(Buffer.concat([common, name, packed]));
    }
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((part.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(starts.at(-1)!, 10);
    const made = Buffer.from([20, 3]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), made, common, tail, name]));
  }
  const start = offset;
  for (const entry of directory) add(entry);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(offset - start, 12);
  end.writeUInt32LE(start, 16);
  add(end);
  return Buffer.concat(out);
}

/** The end of a zip64 that says how many entries it has. */
export function saying(entries: number): Buffer {
  const end = Buffer.alloc(56);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(entries), 24);
  end.writeBigUInt64LE(BigInt(entries), 32);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeUInt32LE(1, 16);
  const last = Buffer.alloc(22);
  last.writeUInt32LE(0x06054b50, 0);
  last.fill(0xff, 8, 20);
  return Buffer.concat([end, locator, last]);
}
