import { expect, test } from 'vitest';
import { inWords, nothing, scopesOf } from '../src/components/settings/keys/scopes.ts';

test('what was chosen becomes scopes, and reads the same in words', () => {
  const scopes = scopesOf({ ...nothing(), files: 'read', runs: 'write' });
  expect(scopes).toEqual([
    'files:read',
    'file-versions:read',
    'task-runs:write',
    'task-run-outputs:write',
  ]);
  expect(inWords(scopes)).toBe('Reads files and versions, writes runs and outputs');
  expect(scopesOf(nothing())).toEqual([]);
});

test('a key for everything, and a scope that the app does not offer', () => {
  expect(inWords(['read'])).toBe('Reads everything');
  expect(inWords(['read', 'write'])).toBe('Reads and writes everything');
  expect(inWords(['invitations:read'])).toBe('Invitations:read');
});
