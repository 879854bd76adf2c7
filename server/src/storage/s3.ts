import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { BlobStore, Listed } from './blob-store.ts';
import { StorageError, StorageFull, StorageNotFound, StorageUnavailable } from './errors.ts';
import type { Parcel } from './spool.ts';
import { assertUuid, type ByteRange } from './storage.ts';

export type S3Settings = {
  endpoint: string;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** The bucket in the path instead of the host's name. */
  forcePathStyle: boolean;
  /** How long S3 may keep silent, in milliseconds. */
  silence?: number;
};

const NAME = /^[0-9a-f]{64}$/;
const partSize = 8 * 2 ** 20;
/** Names of S3's answers that mean "no room". */
const full = new Set(['QuotaExceeded', 'InsufficientCapacity', 'XMinioStorageFull', 'StorageFull']);

/**
 * Keeps blobs in a bucket, as `<team>/ab/cdef…`. The whole parcel is here before it goes out, so it goes
 * straight to its name: a multipart upload to a temporary name would be copied once more by the server.
 * Every body is signed with its SHA-256, which S3 compares; its length is asked for afterwards.
 */
export class S3Store implements BlobStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  #made: Promise<void> | undefined;

  constructor(settings: S3Settings) {
    const silence = settings.silence ?? 10_000;
    this.#bucket = settings.bucket;
    this.#client = new S3Client({
      endpoint: settings.endpoint,
      region: settings.region,
      credentials: {
        accessKeyId: settings.accessKeyId,
        secretAccessKey: settings.secretAccessKey,
      },
      forcePathStyle: settings.forcePathStyle,
      maxAttempts: 2,
      // The newer checksums in trailers are not known to every S3.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: Math.min(silence, 3_000),
        requestTimeout: silence,
        throwOnRequestTimeout: true,
        socketTimeout: silence,
      },
    });
  }

  async write(teamId: string, name: string, parcel: Parcel): Promise<void> {
    const target = { Bucket: this.#bucket, Key: key(teamId, name) };
    await translated(async () => {
      await this.#bucketMade();
      if (parcel.body instanceof Uint8Array) {
        const command = { ...target, Body: parcel.body, ContentLength: parcel.size };
        await this.#client.send(new PutObjectCommand(command));
      } else {
        const Body = createReadStream(parcel.body.file, { highWaterMark: 2 ** 20 });
        const params = { ...target, Body };
        await new Upload({ client: this.#client, params, partSize, queueSize: 2 }).done();
      }
      if ((await this.size(teamId, name)) !== parcel.size)
        throw new StorageUnavailable(new Error('S3 holds another length than was sent.'));
    });
  }

  async read(teamId: string, name: string, range?: ByteRange): Promise<Readable> {
    const target = { Bucket: this.#bucket, Key: key(teamId, name) };
    if (range && range.end <= range.start) return Readable.from([]);
    return translated(async () => {
      const Range = range && `bytes=${range.start}-${range.end - 1}`;
      const answer = await this.#client.send(new GetObjectCommand({ ...target, Range }));
      const body = answer.Body as Readable;
      if (range && !answer.ContentRange?.startsWith(`bytes ${range.start}-`)) {
        body.destroy();
        throw new StorageUnavailable(new Error('S3 sent another range than was asked for.'));
      }
      return Readable.from(counted(body, answer.ContentLength), {
        objectMode: false,
        highWaterMark: 2 ** 20,
      });
    }).catch((error) => {
      if (range && isName(error.cause, 'InvalidRange')) return Readable.from([]);
      throw error;
    });
  }

  async size(teamId: string, name: string): Promise<number | undefined> {
    const target = { Bucket: this.#bucket, Key: key(teamId, name) };
    try {
      return await translated(
        async () => (await this.#client.send(new HeadObjectCommand(target))).ContentLength,
      );
    } catch (error) {
      if (error instanceof StorageNotFound) return undefined;
      throw error;
    }
  }

  async *list(teamId: string): AsyncIterable<Listed> {
    assertUuid(teamId);
    const target = { Bucket: this.#bucket, Prefix: `${teamId}/` };
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ ...target, ContinuationToken });
      const page = await translated(async () => {
        await this.#bucketMade();
        return this.#client.send(command);
      });
      for (const { Key = '', Size = 0, LastModified: storedAt = new Date() } of page.Contents ?? [])
        yield { name: Key.slice(target.Prefix.length).replace('/', ''), size: Size, storedAt };
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
  }

  async remove(teamId: string, name: string): Promise<void> {
    const target = { Bucket: this.#bucket, Key: key(teamId, name) };
    await translated(() => this.#client.send(new DeleteObjectCommand(target))).catch((error) => {
      if (!(error instanceof StorageNotFound)) throw error;
    });
  }

  async destroy(teamId: string): Promise<void> {
    for await (const { name } of this.list(teamId)) await this.remove(teamId, name);
  }

  async check(): Promise<void> {
    const command = new HeadBucketCommand({ Bucket: this.#bucket });
    await translated(async () => {
      await this.#bucketMade();
      await this.#client.send(command);
    }).catch((error) => {
      throw new StorageUnavailable(error);
    });
  }

  close(): void {
    this.#client.destroy();
  }

  /** Makes the bucket before it is first used, when it is missing. */
  #bucketMade(): Promise<void> {
    const bucket = { Bucket: this.#bucket };
    this.#made ??= (async () => {
      try {
        await this.#client.send(new HeadBucketCommand(bucket));
      } catch (error) {
        if (!(error instanceof S3ServiceException) || error.$metadata.httpStatusCode !== 404)
          throw error;
        await this.#client.send(new CreateBucketCommand(bucket));
      }
    })();
    this.#made.catch(() => {
      this.#made = undefined;
    });
    return this.#made;
  }
}

function key(teamId: string, name: string): string {
  assertUuid(teamId);
  if (!NAME.test(name)) throw new StorageNotFound();
  return `${teamId}/${name.slice(0, 2)}/${name.slice(2)}`;
}

/** The body, which must have the length that was announced. */
async function* counted(body: Readable, length: number | undefined): AsyncIterable<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw new StorageUnavailable(error);
  }
  if (size !== length) throw new StorageUnavailable(new Error('S3 sent another length.'));
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError || error instanceof TypeError) throw error;
    if (error instanceof S3ServiceException) {
      const status = error.$metadata.httpStatusCode;
      if (full.has(error.name) || status === 507) throw new StorageFull(error);
      if (error.name === 'NoSuchBucket') throw new StorageUnavailable(error);
      if (status === 404) throw new StorageNotFound(error);
    }
    throw new StorageUnavailable(error);
  }
}

const isName = (error: unknown, name: string) =>
  error instanceof S3ServiceException && error.name === name;
