import { belongsTo, choice, define, integer, signedIn, timestamp } from '@kyozo/resource';
import { backends } from '../storage/choose-backend.ts';

export const storageResource = define({
  type: 'storage-resources',
  description: 'What a workspace keeps in one storage backend.',
  table: 'storage_resources',
  tenant: 'teamId',
  attributes: {
    storageBackend: choice(backends, 'The backend.'),
    fileCount: integer('Files whose newest version lies there, without those in the trash.'),
    fileSize: integer('Bytes of those.'),
    versionCount: integer('All versions that lie there.'),
    versionSize: integer(
      'Bytes of all versions; equal contents are stored once, and counted each time.',
    ),
    updatedAt: timestamp('When the newest of them came.'),
  },
  relationships: { workspace: belongsTo('workspaces', 'workspaceId') },
  actions: {},
  policies: { read: signedIn },
  events: {},
});
