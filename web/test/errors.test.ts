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

test('a wrong password stands at its field, and is no end of the session', () => {
  const wrong = {
    status: '401',
    detail: 'The password is wrong.',
    source: { pointer: '/data/attributes/currentPassword' },
  };
  expect(fieldErrors(new ApiError(401, [wrong]))).toEqual({ currentPassword: wrong.detail });
  expect(fieldErrors(new ApiError(401, [{ status: '401', detail: 'x' }]))).toEqual({
    '': messages.errors.signedOut,
  });
});

test('too many tries say how long to wait', () => {
  const wait = (retryAfter: number) => new ApiError(429, [{ status: '429', meta: { retryAfter } }]);
  expect(fieldErrors(wait(42))).toEqual({ '': 'Too many attempts. Try again in 42 seconds.' });
  expect(readableError(wait(600))).toBe('Too many attempts. Try again in 10 minutes.');
});
