import { expect, test } from 'vitest';
import {
  type Actor,
  acting,
  all,
  any,
  anyone,
  ask,
  authorize,
  type Check,
  type Condition,
  changeOf,
  fieldIs,
  mentions,
  nobody,
  not,
  readable,
  role,
  scopeAllows,
  self,
  signedIn,
  toCondition,
} from '../src/index.ts';
import { book } from './library.ts';

const actor = (more: Partial<Actor> = {}): Actor => ({
  userId: 'ann',
  teamId: 'team',
  role: 'member',
  credential: { kind: 'session', id: 's' },
  scopes: ['write'],
  ...more,
});
type Values = Record<string, unknown>;

/** What a condition says of a record in memory, as PostgreSQL does: nothing equals null. */
function holds(condition: Condition, record: Values): boolean {
  switch (condition.kind) {
    case 'constant':
      return condition.value;
    case 'and':
      return condition.of.every((part) => holds(part, record));
    case 'or':
      return condition.of.some((part) => holds(part, record));
    case 'not':
      return !holds(condition.of, record);
    case 'compare':
      if (condition.operator !== 'eq') throw new Error('Policies only compare by eq.');
      return record[condition.field] != null && record[condition.field] === condition.value;
    case 'related':
      throw new Error('Not asked of one record.');
  }
}

/** Mulberry32: a seeded number in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('asking a policy and reading by it agree, over 5,000 random policies and records', () => {
  const next = random(20_261_123);
  const pick = <T>(...of: T[]): T => of[Math.floor(next() * of.length)]!;
  const check = (depth: number): Check =>
    depth === 0 || next() < 0.3
      ? pick<Check>(
          anyone,
          signedIn,
          nobody,
          role('owner', 'admin'),
          role('member'),
          self('userId'),
          self('lenderId'),
          acting('teamId'),
          fieldIs('kind', 'novel'),
          fieldIs('out', true),
        )
      : pick<() => Check>(
          () => all(...Array.from({ length: 1 + Math.floor(next() * 3) }, () => check(depth - 1))),
          () => any(...Array.from({ length: 1 + Math.floor(next() * 3) }, () => check(depth - 1))),
          () => not(check(depth - 1)),
        )();
  const answers = { yes: 0, no: 0 };
  for (let round = 0; round < 5_000; round++) {
    const policy = check(4);
    const who = pick(
      undefined,
      actor(),
      actor({ role: 'owner' }),
      actor({ userId: 'bob', role: 'admin' }),
    );
    const record: Values = {
      userId: pick('ann', 'bob'),
      lenderId: pick('ann', 'bob', null),
      teamId: pick('team', 'other'),
      kind: pick('novel', 'poems', null),
      out: pick(true, false),
    };
    const asked = ask(policy, who, record);
    expect(holds(toCondition(policy, who), record), JSON.stringify({ policy, who, record })).toBe(
      asked,
    );
    answers[asked ? 'yes' : 'no'] += 1;
  }
  expect(Math.min(answers.yes, answers.no)).toBeGreaterThan(500);
});

test.each<[string[], string, 'read' | 'write', boolean]>([
  [['write'], 'books', 'write', true],
  [['write'], 'books', 'read', true],
  [['read'], 'books', 'read', true],
  [['read'], 'books', 'write', false],
  [['books:read'], 'books', 'read', true],
  [['books:read'], 'books', 'write', false],
  [['books:write'], 'books', 'read', true],
  [['books:write'], 'shelves', 'read', false],
  [['book:write'], 'books', 'write', false],
  [[], 'books', 'read', false],
])('scopes %j on %s for %s', (scopes, type, access, allowed) => {
  expect(scopeAllows(actor({ scopes }), type, access)).toBe(allowed);
});

test('an action asks for a person first, then the scope, then the policy', () => {
  expect(() => authorize(book, 'create', undefined)).toThrow('Sign in first');
  expect(() => authorize(book, 'create', actor({ role: 'owner', scopes: ['read'] }))).toThrow(
    'This key may not change books',
  );
  expect(() => authorize(book, 'create', actor())).toThrow('You may not do this');
  expect(() => authorize(book, 'create', actor({ role: 'owner' }))).not.toThrow();
  expect(() => authorize(book, 'destroy', actor(), { lenderId: 'bob' })).toThrow();
  expect(() => authorize(book, 'destroy', actor(), { lenderId: 'ann' })).not.toThrow();
});

test('a list leaves out the trash unless the filter names it', () => {
  const plain = readable(book, actor());
  expect(mentions(plain, 'lostAt')).toBe(true);
  const lost: Condition = { kind: 'compare', field: 'lostAt', operator: 'is_nil', value: false };
  expect(readable(book, actor(), lost)).toEqual(lost);
  expect(() => readable(book, actor({ scopes: ['shelves:read'] }))).toThrow('may not read books');
});

test('destroying what has a trash is an update that fills it', () => {
  const change = changeOf(book, 'destroy', 'id', { values: {}, arguments: {} }, actor(), 'now');
  expect(change).toMatchObject({ kind: 'update', values: { lostAt: 'now' }, event: undefined });
});
