import {
  belongsTo,
  boolean,
  choice,
  define,
  hasMany,
  integer,
  json,
  type Resource,
  registry,
  role,
  self,
  signedIn,
  text,
  texts,
  through,
  timestamp,
} from '../src/index.ts';

/** Two small resources with one of everything that the kernel knows. */
export const shelf = define({
  type: 'shelves',
  description: 'Holds books.',
  table: 'shelves',
  tenant: undefined,
  attributes: { label: text('What it says.', { min: 1, max: 20 }) },
  relationships: { books: hasMany('books', 'shelfId') },
  actions: {},
  policies: { read: through('books', signedIn) },
  events: {},
});

export const book = define({
  type: 'books',
  description: 'Something to read.',
  table: 'books',
  tenant: undefined,
  trash: 'lostAt',
  attributes: {
    title: text('The title.', { min: 1, max: 40 }),
    pages: integer('How many.', { max: 5_000 }),
    out: boolean('Whether it is lent.'),
    kind: choice(['novel', 'poems'], 'The kind.', { nullable: true }),
    tags: texts('Words.'),
    notes: json('Anything.'),
    lostAt: timestamp('When it was lost.', { nullable: true }),
  },
  internal: { spine: text('Not shown.') },
  relationships: {
    shelf: belongsTo('shelves', 'shelfId'),
    lender: belongsTo('shelves', 'lenderId', true),
  },
  actions: {
    create: {
      kind: 'create',
      description: 'Buys it.',
      accept: ['title', 'pages', 'kind', 'tags', 'notes'],
      arguments: { price: integer('What it cost.') },
      relate: ['shelf', 'lender'],
      require: ['title', 'shelf', 'price'],
    },
    destroy: { kind: 'destroy', description: 'Loses it.' },
  },
  policies: { read: signedIn, create: role('owner'), destroy: self('lenderId') },
  events: { create: { name: 'book.bought', version: 1 } },
});

export const library: readonly Resource[] = [shelf, book];
export const known = registry(library);
