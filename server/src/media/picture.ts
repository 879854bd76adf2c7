import {
  belongsTo,
  choice,
  define,
  integer,
  nobody,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';

export const picture = define({
  type: 'pictures',
  description: 'What was found out about a file that is a picture.',
  table: 'pictures',
  tenant: 'teamId',
  attributes: {
    version: integer('The version of the file that it is about.'),
    status: choice(['ready', 'failed'], 'Whether the picture could be read.'),
    reason: text('Why it could not be.', { nullable: true }),
    format: text('The kind of picture, as its bytes say.', { nullable: true }),
    width: integer('Pixels across, as one sees it.', { nullable: true }),
    height: integer('Pixels down, as one sees it.', { nullable: true }),
    size: integer('Bytes of the smaller picture at `/files/{id}/thumbnail`.', { nullable: true }),
    insertedAt: timestamp('When the first version of it was read.'),
    updatedAt: timestamp('When this version was read.'),
  },
  internal: {
    storageBackend: text('Where the smaller picture lies.', { nullable: true }),
    homeBackend: text('Where it belongs, when it lies elsewhere.', { nullable: true }),
    address: text('Where the backend keeps it.', { nullable: true }),
  },
  relationships: { file: belongsTo('files', 'fileId') },
  actions: {
    record: { kind: 'create', description: 'Records what a picture is; the server does it.' },
    renew: { kind: 'update', description: 'Records it of a new version; the server does it.' },
  },
  policies: { read: signedIn, record: nobody, renew: nobody },
  events: {
    record: { name: 'picture.recorded', version: 1 },
    renew: { name: 'picture.renewed', version: 1 },
  },
});
