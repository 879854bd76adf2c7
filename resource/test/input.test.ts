import { describe, expect, test } from 'vitest';
import {
  type Attribute,
  choice,
  faultOf,
  faultsOf,
  integer,
  json,
  parseInput,
  type RawInput,
  text,
  texts,
  timestamp,
} from '../src/index.ts';
import { book } from './library.ts';

const id = '01890A5D-AC96-774B-BCCE-B302099A8057';
const good: RawInput = {
  attributes: { title: 'Emma', price: 3 },
  relationships: { shelf: { type: 'shelves', id } },
};
const parse = (raw: RawInput) => parseInput(book, book.actions.create, raw);

test('attributes, foreign keys and arguments are told apart', () => {
  expect(parse(good)).toEqual({
    values: { title: 'Emma', shelfId: id.toLowerCase() },
    arguments: { price: 3 },
  });
});

describe('faults have pointers', () => {
  test.each<[string, RawInput['attributes'], RawInput['relationships'], string]>([
    ['unknown', { weight: 1 }, {}, '/data/attributes/weight'],
    ['read-only', { out: true }, {}, '/data/attributes/out'],
    ['internal', { spine: 'x' }, {}, '/data/attributes/spine'],
    ['a foreign key by its column', { shelfId: id }, {}, '/data/attributes/shelfId'],
    ['wrong kind', { title: 7 }, {}, '/data/attributes/title'],
    ['null', { title: null }, {}, '/data/attributes/title'],
    ['a name with a slash and a tilde', { 'a/b~c': 1 }, {}, '/data/attributes/a~1b~0c'],
    ['__proto__', JSON.parse('{"__proto__":{"x":1}}'), {}, '/data/attributes/__proto__'],
    ['constructor', { constructor: 1 }, {}, '/data/attributes/constructor'],
    ['unknown relationship', {}, { author: null }, '/data/relationships/author'],
    ['relationship as null', {}, { shelf: null }, '/data/relationships/shelf'],
    ['wrong type', {}, { shelf: { type: 'books', id } }, '/data/relationships/shelf'],
    ['no UUID', {}, { shelf: { type: 'shelves', id: '7' } }, '/data/relationships/shelf'],
    ['an attribute as a relationship', {}, { title: null }, '/data/relationships/title'],
  ])('%s', (_name, attributes, relationships, pointer) => {
    const faults = faultsIn({
      attributes: { ...good.attributes, ...spread(attributes) },
      relationships: { ...good.relationships, ...relationships },
    });
    expect(faults.map((fault) => [fault.code, fault.source])).toEqual([['invalid', { pointer }]]);
  });
});

test('all faults are told together', () => {
  const faults = faultsIn({ attributes: { pages: -1, weight: 1 } });
  expect(faults.map((fault) => fault.source?.pointer)).toEqual([
    '/data/attributes/pages',
    '/data/attributes/weight',
    '/data',
    '/data',
    '/data',
  ]);
});

test('a relationship that may be empty takes null', () => {
  const input = parse({ ...good, relationships: { ...good.relationships, lender: null } });
  expect(input.values.lenderId).toBeNull();
});

const short = text('x', { max: 3, min: 1 });
const mail = text('x', { format: 'email' });
const slug = text('x', { format: 'slug' });
const small = integer('x', { max: 9 });
test.each<[string, Attribute, unknown, boolean]>([
  ['text', short, 'abc', true],
  ['text too long', short, 'abcd', false],
  ['blank text', short, '  ', false],
  ['half a surrogate pair', short, '\udc00', false],
  ['NUL', short, '\0', false],
  ['an array for a text', short, ['a'], false],
  ['e-mail', mail, 'a@b.co', true],
  ['e-mail without a dot', mail, 'a@b', false],
  ['two addresses', mail, 'a@b.co,c@d.co', false],
  ['an address with a line end', mail, 'a@b.co\n', false],
  ['e-mail of 255 characters', mail, `${'a'.repeat(249)}@b.com`, false],
  ['slug', slug, 'a-b-1', true],
  ['double hyphen', slug, 'a--b', false],
  ['integer', small, 9, true],
  ['integer too large', small, 10, false],
  ['negative', small, -1, false],
  ['fraction', small, 1.5, false],
  ['a number as text', small, '1', false],
  ['NaN', small, Number.NaN, false],
  ['choice', choice(['a'], 'x'), 'a', true],
  ['no choice', choice(['a'], 'x'), 'b', false],
  ['a list for a choice', choice(['a'], 'x'), ['a'], false],
  ['time', timestamp('x'), '2026-01-31T10:00:00Z', true],
  ['no such day', timestamp('x'), '2026-02-31T25:00:00Z', false],
  ['a time in words', timestamp('x'), 'now', false],
  ['texts', texts('x'), ['a', 'b'], true],
  ['texts with a number', texts('x'), ['a', 1], false],
  ['a text for texts', texts('x'), 'a', false],
  ['json', json('x'), { a: [1] }, true],
  ['a text for json', json('x'), 'a', false],
  ['json with NUL', json('x'), { a: '\0' }, false],
  ['json with a NUL key', json('x'), { '\0': 1 }, false],
  ['json with half a pair', json('x'), { a: '\ud800' }, false],
  ['json with an emoji', json('x'), { a: '😀' }, true],
  ['json too large', json('x'), { a: 'x'.repeat(100_000) }, false],
])('%s', (_name, attribute, value, fits) => {
  expect(faultOf(attribute, value) === undefined).toBe(fits);
});

test('json may spell an escape', () => {
  expect(faultOf(json('x'), { a: String.raw`\u0000 \ud800` })).toBeUndefined();
});

function faultsIn(raw: RawInput) {
  try {
    parse(raw);
  } catch (error) {
    const faults = faultsOf(error);
    if (faults) return faults;
    throw error;
  }
  return [];
}

/** Spreading would drop an own `__proto__`. */
const spread = (attributes: RawInput['attributes'] = {}) =>
  Object.defineProperties({}, Object.getOwnPropertyDescriptors(attributes));
