export type StorageErrorCode =
  | 'storage_not_found'
  | 'storage_full'
  | 'storage_unavailable'
  | 'storage_damaged';

/** Anything a storage can fail with. `message` is the public sentence; the cause stays private. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** There is nothing at this address in this scope. */
export class StorageNotFound extends StorageError {
  constructor(cause?: unknown) {
    super('storage_not_found', 'This content does not exist.', cause);
  }
}

/** The disk or the quota is full. */
export class StorageFull extends StorageError {
  constructor(cause?: unknown) {
    super('storage_full', 'The storage is full.', cause);
  }
}

/** The storage cannot be read or written at the moment. */
export class StorageUnavailable extends StorageError {
  constructor(cause?: unknown) {
    super('storage_unavailable', 'The storage is not available.', cause);
  }
}

/** What was read is not what was written. `detail` is for the log. */
export class StorageDamaged extends StorageError {
  constructor(detail: string, cause?: unknown) {
    super('storage_damaged', 'The content is damaged.', new Error(detail, { cause }));
  }
}

/** The storage error that an I/O error stands for. Storage errors pass through. */
export function toStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const code = errorCode(error);
  if (code === 'ENOENT') return new StorageNotFound(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new StorageFull(error);
  return new StorageUnavailable(error);
}

/** The `code` of an I/O error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
