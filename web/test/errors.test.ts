import { expect, test } from 'vitest';
import { messages } from '../src/messages.ts';
import { ApiError, fieldErrors, OfflineError, readableError } from '../src/services/errors.ts';

const taken = {
  code: 'conflict',
  detail: 'is taken',
  source: { pointer: '/data/attributes/path' },
};

test('a refusal stands beside the field that its pointer names', () => {
  expect(fieldErrors(new ApiError(422, [taken]))).toEqual({ path: 'is taken' });
});

test('what belongs to no field is said for the whole form', () => {
  expect(fieldErrors(new ApiError(500, []))).toEqual({ '': messages.errors.server });
  expect(fieldErrors(new OfflineError(new TypeError()))).toEqual({ '': messages.errors.offline });
});

test('only what the server says about the input is repeated word for word', () => {
  expect(readableError(new ApiError(422, [taken]))).toBe('is taken');
  expect(readableError(new ApiError(500, [{ detail: 'stack' }]))).toBe(messages.errors.server);
  expect(readableError(new ApiError(404, [{ detail: 'no row' }]))).toBe(messages.errors.missing);
  expect(readableError(new Error('internal'))).toBe(messages.errors.unexpected);
});
