import { choice, define, integer, signedIn, text, timestamp } from '@kyozo/resource';
import { backends } from '../storage/choose-backend.ts';

export const blob = define({
  type: 'blobs',
  description: 'A content that versions of files share, in the backend that keeps it.',
  table: 'blobs',
  tenant: 'teamId',
  attributes: {
    sha256: text('The digest of the bytes, in hex.'),
    size: integer('Bytes.'),
    contentType: text('The media type.'),
    storageBackend: choice(backends, 'Where its bytes lie.'),
    versionCount: integer('How many versions of files have it.'),
    insertedAt: timestamp('When it first came.'),
  },
  relationships: {},
  actions: {},
  policies: { read: signedIn },
  events: {},
});
