import {
  belongsTo,
  define,
  integer,
  json,
  nobody,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';

export const fileVersion = define({
  type: 'file-versions',
  description: 'The content of a file at one time; it never changes.',
  table: 'file_versions',
  tenant: 'teamId',
  attributes: {
    version: integer('The number, from 1.'),
    message: text('What changed.', { nullable: true }),
    authors: json('Who changed it: a list of names and addresses.', {
      sql: 'shown_authors(t.authors)',
    }),
    size: integer('Bytes.'),
    contentType: text('The media type.'),
    insertedAt: timestamp('When it was made.'),
  },
  internal: {
    storageBackend: text('Where its bytes lie.'),
    homeBackend: text('Where they belong, when they lie elsewhere.', { nullable: true }),
    address: text('Where the backend keeps them.'),
    sha256: text('Of the bytes.'),
    commit: text('The commit that recorded it.', { nullable: true }),
  },
  relationships: { file: belongsTo('files', 'fileId') },
  actions: { record: { kind: 'create', description: 'Records a version; the server does it.' } },
  policies: { read: signedIn, record: nobody },
  events: { record: { name: 'file-version.created', version: 1 } },
});
