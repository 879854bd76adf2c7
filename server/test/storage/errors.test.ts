import { expect, test } from 'vitest';
import { StorageNotFound, toStorageError } from '../../src/storage/errors.ts';

const failed = (code: string) => Object.assign(new Error(`${code}: /secret/path`), { code });

test.each([
  ['ENOENT', 'StorageNotFound', 'storage_not_found'],
  ['ENOSPC', 'StorageFull', 'storage_full'],
  ['EDQUOT', 'StorageFull', 'storage_full'],
  ['EIO', 'StorageUnavailable', 'storage_unavailable'],
  ['EMFILE', 'StorageUnavailable', 'storage_unavailable'],
])('%s is %s', (code, name, ours) => {
  const cause = failed(code);
  const error = toStorageError(cause);
  expect([error.name, error.code, error.cause]).toEqual([name, ours, cause]);
  expect(error.message).not.toContain('secret');
});

test('a storage error stays what it is', () => {
  const error = new StorageNotFound();
  expect(toStorageError(error)).toBe(error);
});
