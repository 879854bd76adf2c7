import { expect, test } from 'vitest';
import {
  belongsTo,
  choice,
  fieldIs,
  hasMany,
  type Resource,
  registry,
  signedIn,
  text,
  through,
  verify,
} from '../src/index.ts';
import { book, library, shelf } from './library.ts';

const check = (...resources: Resource[]) => verify(resources, registry(resources));
const create = book.actions.create;

test('sound declarations pass', () => {
  expect(() => check(...library)).not.toThrow();
});

test.each<[string, Partial<Resource>, string]>(
  [
    ['an upper-case type', { type: 'Books', table: 'Books' }, 'Books.type: must be lower case'],
    ['another table', { table: 'tomes' }, 'books.table: must be the type in snake_case'],
    [
      'a member in snake_case',
      { attributes: { ...book.attributes, page_count: text('x') } },
      'books.page_count: is no member name',
    ],
    [
      'a reserved name',
      { attributes: { ...book.attributes, type: text('x') } },
      'books.type: is a reserved name',
    ],
    [
      'one name for two members',
      { attributes: { ...book.attributes, shelf: text('x') } },
      'books.shelf: is an attribute and a relationship',
    ],
    [
      'a choice of nothing',
      { attributes: { ...book.attributes, kind: choice([], 'x') } },
      'books.kind: has no values',
    ],
    [
      'a relationship to nowhere',
      { relationships: { ...book.relationships, author: belongsTo('authors', 'authorId') } },
      'books.author: points to authors',
    ],
    [
      'a relationship over a field that is not there',
      { relationships: { ...book.relationships, shelves: hasMany('shelves', 'bookId') } },
      'books.shelves: shelves has no field bookId',
    ],
    ['a trash that is no field', { trash: 'goneAt' }, 'books.goneAt: is not a field'],
    [
      'no read policy',
      { policies: { create: signedIn, destroy: signedIn } },
      'books.policies.read: is missing',
    ],
    [
      'an action without a policy',
      { policies: { read: signedIn, create: signedIn } },
      'has no policy',
    ],
    [
      'an action that accepts nothing known',
      { actions: { ...book.actions, create: { ...create, accept: ['weight'] } } },
      'books.actions.create: accepts weight, which is no attribute',
    ],
    [
      'an action that accepts what is computed',
      { attributes: { ...book.attributes, title: text('x', { sql: "'x'" }) } },
      'books.actions.create: accepts title, which is computed',
    ],
    [
      'an action that relates an attribute',
      { actions: { ...book.actions, create: { ...create, relate: ['title'] } } },
      'books.actions.create: relates title',
    ],
    [
      'an action that requires what it does not accept',
      { actions: { ...book.actions, create: { ...create, require: ['out'] } } },
      'books.actions.create: requires out',
    ],
    [
      'an action policy through a relationship',
      { policies: { ...book.policies, destroy: through('shelf', signedIn) } },
      'books.actions.destroy: has a policy through a relationship',
    ],
    [
      'an action policy on a field that is not there',
      { policies: { ...book.policies, destroy: fieldIs('owner', 'x') } },
      'books.actions.destroy: has a policy on owner',
    ],
    [
      'a verb without a route',
      {
        actions: { ...book.actions, lend: { kind: 'verb', description: 'x' } },
        policies: { ...book.policies, lend: signedIn },
      },
      'books.actions.lend: is a verb without a route',
    ],
    [
      'an event of no action',
      { events: { burn: { name: 'book.burnt', version: 1 } } },
      'books.burn: is no action',
    ],
  ].filter(([, , line]) => line !== '') as [string, Partial<Resource>, string][],
)('%s is refused, with its place', (_name, change, line) => {
  expect(() => check(shelf, { ...book, ...change } as Resource)).toThrow(line);
});

test('a type that is declared twice is refused', () => {
  expect(() => check(shelf, book, book)).toThrow('books: declared twice');
});

test('every fault is told at once', () => {
  const broken = { ...book, table: 'x', trash: 'y' } as Resource;
  expect(() => check(shelf, broken)).toThrow(/books\.table[\s\S]*books\.y/);
});

test('a declaration cannot be changed, at any depth', () => {
  expect(() => Object.assign(book.attributes.title, { max: 1 })).toThrow(TypeError);
  expect(() => (create.accept as unknown as string[]).push('out')).toThrow(TypeError);
});
