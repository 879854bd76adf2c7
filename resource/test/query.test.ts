import { describe, expect, test } from 'vitest';
import { KyozoError, parseQuery, type RawQuery } from '../src/index.ts';
import { book, known } from './library.ts';

const parse = (raw: RawQuery) => parseQuery(known, book, raw);
const compare = (field: string, operator: string, value: unknown) => ({
  kind: 'compare',
  field,
  operator,
  value,
});

describe('filters become conditions', () => {
  test.each<[unknown, unknown]>([
    [{ title: 'a' }, compare('title', 'eq', 'a')],
    [{ pages: '12' }, compare('pages', 'eq', 12)],
    [{ pages: { gt: 3 } }, compare('pages', 'gt', 3)],
    [{ out: 'true' }, compare('out', 'eq', true)],
    [{ kind: { is_nil: 'false' } }, compare('kind', 'is_nil', false)],
    [{ title: { in: 'a,b' } }, compare('title', 'in', ['a', 'b'])],
    [{ title: { in: ['a,b', 'c'] } }, compare('title', 'in', ['a,b', 'c'])],
    [{ not: { title: 'a' } }, { kind: 'not', of: compare('title', 'eq', 'a') }],
    [
      { or: [{ title: 'a' }, { pages: 1 }] },
      { kind: 'or', of: [compare('title', 'eq', 'a'), compare('pages', 'eq', 1)] },
    ],
    [
      { pages: { gt: '1', lte: '5' } },
      { kind: 'and', of: [compare('pages', 'gt', 1), compare('pages', 'lte', 5)] },
    ],
    [
      { shelf: { label: 'x' } },
      { kind: 'related', relationship: 'shelf', where: compare('label', 'eq', 'x') },
    ],
    [{}, { kind: 'constant', value: true }],
  ])('%j', (filter, condition) => {
    expect(parse({ filter }).where).toEqual(condition);
  });
});

describe('a refusal names the parameter', () => {
  test.each<[RawQuery, string]>([
    [{ filter: 'x' }, 'filter'],
    [{ filter: { weight: 1 } }, 'filter[weight]'],
    [{ filter: { spine: 'x' } }, 'filter[spine]'],
    [{ filter: { notes: 'x' } }, 'filter[notes]'],
    [{ filter: { shelf: 'x' } }, 'filter[shelf]'],
    [{ filter: { shelf: { spine: 'x' } } }, 'filter[shelf][spine]'],
    [{ filter: { and: [] } }, 'filter[and]'],
    [{ filter: { not: [] } }, 'filter[not]'],
    [{ filter: { pages: 'many' } }, 'filter[pages]'],
    [{ filter: { pages: '99999999999999999999' } }, 'filter[pages]'],
    [{ filter: { pages: { contains: '1' } } }, 'filter[pages][contains]'],
    [{ filter: { title: { like: 'x' } } }, 'filter[title][like]'],
    [{ filter: { title: { constructor: 'x' } } }, 'filter[title][constructor]'],
    [{ filter: { constructor: 'x' } }, 'filter[constructor]'],
    [{ filter: JSON.parse('{"__proto__":"x"}') }, 'filter[__proto__]'],
    [{ filter: { kind: 'opera' } }, 'filter[kind]'],
    [{ filter: { kind: { is_nil: 'maybe' } } }, 'filter[kind][is_nil]'],
    [{ filter: { title: 'a\0b' } }, 'filter[title]'],
    [{ filter: { title: '\ud800' } }, 'filter[title]'],
    [{ filter: { lostAt: { gt: 'yesterday' } } }, 'filter[lostAt][gt]'],
    [{ filter: { title: { in: Array(101).fill('a') } } }, 'filter[title][in]'],
    [{ filter: { or: Array(101).fill({ title: 'a' }) } }, 'filter[or][title]'],
    [{ sort: 'weight' }, 'sort'],
    [{ sort: 'tags' }, 'sort'],
    [{ sort: '--title' }, 'sort'],
    [{ sort: 'hasOwnProperty' }, 'sort'],
    [{ sort: 'id,title,pages,out,kind,lostAt' }, 'sort'],
    [{ include: 'title' }, 'include'],
    [{ include: 'shelf.' }, 'include'],
    [{ include: 'shelf.books.shelf.books.shelf' }, 'include'],
    [{ include: 'toString' }, 'include'],
    [{ fields: 'title' }, 'fields'],
    [{ fields: { books: 'spine' } }, 'fields[books]'],
    [{ fields: { toString: 'a' } }, 'fields[toString]'],
    [{ page: { size: '0' } }, 'page[size]'],
    [{ page: { size: '101' } }, 'page[size]'],
    [{ page: { size: '1.5' } }, 'page[size]'],
    [{ page: { limit: '-1' } }, 'page[limit]'],
    [{ page: { offset: '1e9' } }, 'page[offset]'],
    [{ page: { limit: '1', size: '1' } }, 'page'],
    [{ page: { after: 'a', before: 'b' } }, 'page[before]'],
    [{ page: { number: '1' } }, 'page[number]'],
  ])('%j', (raw, parameter) => {
    const error = refusalOf(() => parse(raw));
    expect([error.code, error.source]).toEqual(['malformed', { parameter }]);
  });
});

test('orders are total: the id breaks ties in the direction of the first field', () => {
  expect(parse({}).sort).toEqual([{ field: 'id', descending: true }]);
  expect(parse({ sort: 'title' }).sort.at(-1)).toEqual({ field: 'id', descending: false });
  expect(parse({ sort: '-title,pages' }).sort).toEqual([
    { field: 'title', descending: true },
    { field: 'pages', descending: false },
    { field: 'id', descending: true },
  ]);
  expect(parse({ sort: '-id,title' }).sort).toHaveLength(2);
});

test('includes become a tree and fields become sets', () => {
  const query = parse({ include: 'shelf.books,lender', fields: { books: 'title,shelf' } });
  expect(query.include).toEqual({ shelf: { books: {} }, lender: {} });
  expect(query.fields.get('books')).toEqual(new Set(['title', 'shelf']));
});

test('pages have defaults and read numbers and texts alike', () => {
  expect(parse({}).page).toMatchObject({ kind: 'cursor', size: 20, count: false });
  expect(parse({ page: { size: 3, after: 'c', count: 'true' } }).page).toMatchObject({
    kind: 'cursor',
    size: 3,
    after: 'c',
    count: true,
  });
  expect(parse({ page: { limit: '3', offset: '6' } }).page).toMatchObject({
    kind: 'offset',
    limit: 3,
    offset: 6,
  });
});

function refusalOf(work: () => unknown): KyozoError {
  try {
    work();
  } catch (error) {
    if (error instanceof KyozoError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}
