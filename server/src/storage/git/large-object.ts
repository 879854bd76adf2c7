/** Stores a blob of any size without holding it in memory: spooled once, then deflated in place. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflate } from 'node:zlib';
import type { Stored } from '../storage.ts';
import { loosePath, repositoryFolder, temporaryFolder } from './layout.ts';
import { moveIntoPlace, syncLoose } from './loose.ts';
import { objectHeader } from './objects.ts';

/** Durable when it resolves. Git's header holds the size, so the content is read twice. */
export async function putLarge(
  root: string,
  repository: string,
  body: AsyncIterable<Uint8Array>,
): Promise<Stored> {
  const spool = join(temporaryFolder(root), randomUUID());
  const object = join(temporaryFolder(root), randomUUID());
  try {
    const { size, sha256 } = await spoolTo(spool, body);
    const address = await deflateTo(object, spool, size);
    const path = loosePath(repositoryFolder(root, repository), address);
    moveIntoPlace(object, path);
    await syncLoose([path]);
    return { address, size, sha256 };
  } finally {
    await rm(spool, { force: true });
    await rm(object, { force: true });
  }
}

async function spoolTo(path: string, body: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  let size = 0;
  const count = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  await pipeline(Readable.from(body), count, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  return { size, sha256: hash.digest('hex') };
}

async function deflateTo(path: string, source: string, size: number): Promise<string> {
  const hash = createHash('sha1');
  const withHeader = async function* (content: AsyncIterable<Buffer>) {
    const header = objectHeader('blob', size);
    hash.update(header);
    yield header;
    for await (const chunk of content) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const target = createWriteStream(path, { flags: 'wx', mode: 0o444 });
  await pipeline(createReadStream(source), withHeader, createDeflate({ level: 1 }), target);
  return hash.digest('hex');
}
