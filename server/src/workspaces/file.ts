import {
  belongsTo,
  boolean,
  choice,
  define,
  hasMany,
  hasOne,
  type Input,
  integer,
  invalid,
  json,
  role,
  signedIn,
  text,
  timestamp,
} from '@kyozo/resource';
import { backends } from '../storage/choose-backend.ts';
import { checkPath, foldPath } from '../storage/path-rules.ts';

export const file = define({
  type: 'files',
  description:
    'A file in a workspace. Its content has versions; deleting it moves it to the trash.',
  table: 'files',
  tenant: 'teamId',
  trash: 'deletedAt',
  within: ['workspace'],
  attributes: {
    path: text('Where it lies in the workspace.', { max: 4_096, min: 1 }),
    name: text('The last part of the path.'),
    folderPath: text('The path of the folder that it is in; empty at the top.'),
    foldedName: text('The name without case and normalisation.'),
    sortName: text('The name as lists sort it: without case, and numbers padded.'),
    foldedPath: text('The path without case and normalisation.'),
    contentType: text('The media type, settled by the content.', {
      format: 'media-type',
      max: 200,
    }),
    size: integer('Bytes.'),
    version: integer('The number of the newest version; 0 before the first bytes.'),
    storageBackend: choice(backends, 'Where its bytes lie.', {
      nullable: true,
    }),
    executable: boolean('Whether it is a program: the executable bit that git keeps.'),
    metadata: json('Anything else, as a JSON object.'),
    insertedAt: timestamp('When it was made.'),
    updatedAt: timestamp('When it last changed.'),
    deletedAt: timestamp('When it was moved to the trash.', { nullable: true }),
  },
  internal: {
    address: text('Where the backend keeps the newest bytes.', { nullable: true }),
    sha256: text('Of the newest bytes.', { nullable: true }),
    live: boolean('Whether its content is text that can be edited live.'),
  },
  relationships: {
    workspace: belongsTo('workspaces', 'workspaceId'),
    versions: hasMany('file-versions', 'fileId'),
    notebook: hasOne('notebooks', 'fileId'),
    picture: hasOne('pictures', 'fileId'),
  },
  actions: {
    create: {
      kind: 'create',
      description: 'Makes a file, empty when no content is given.',
      accept: ['path', 'contentType', 'executable', 'metadata'],
      arguments: {
        content: text('The content: text, or base64 when `encoding` says so.', { max: 2 ** 24 }),
        encoding: choice(['utf-8', 'base64'], 'How `content` is written.'),
      },
      relate: ['workspace'],
      require: ['path', 'workspace'],
      change: placed,
    },
    update: {
      kind: 'update',
      description: 'Moves or renames the file, or changes its metadata or whether it is a program.',
      accept: ['path', 'executable', 'metadata'],
      change: placed,
    },
    destroy: { kind: 'destroy', description: 'Moves the file to the trash.' },
    restore: {
      kind: 'update',
      description: 'Brings the file back from the trash, or an old version back as a new one.',
      arguments: { version: integer('The version to bring back.', { min: 1 }) },
      route: { on: 'record', method: 'POST', path: 'restore' },
    },
    purge: {
      kind: 'verb',
      description:
        'Removes a file in the trash for good, with its versions; git keeps its history.',
      route: { on: 'record', method: 'POST', path: 'purge' },
      status: 204,
    },
    write: {
      kind: 'update',
      description: 'Replaces the content.',
      route: { on: 'record', method: 'POST', path: 'content' },
    },
    commit: {
      kind: 'verb',
      description: 'Records what the live document holds now as a version.',
      arguments: { message: text('What changed.', { max: 10_000 }) },
      route: { on: 'record', method: 'POST', path: 'versions' },
      status: 201,
      answers: 'file-versions',
    },
  },
  policies: {
    read: signedIn,
    create: signedIn,
    update: signedIn,
    destroy: signedIn,
    restore: signedIn,
    purge: role('owner', 'admin'),
    write: signedIn,
    commit: signedIn,
  },
  events: {
    create: { name: 'file.created', version: 1 },
    update: { name: 'file.updated', version: 1 },
    destroy: { name: 'file.deleted', version: 1 },
    restore: { name: 'file.restored', version: 1 },
    purge: { name: 'file.purged', version: 1 },
    write: { name: 'file.written', version: 1 },
  },
});

/** What follows from a path. @throws KyozoError for a path that could not be a file everywhere */
function placed({ values }: Input) {
  const path = values.path as string | undefined;
  if (path === undefined) return {};
  const problem = checkPath(path);
  if (problem) throw invalid(problem.message, { pointer: '/data/attributes/path' });
  return { path, foldedPath: foldPath(path), name: path.slice(path.lastIndexOf('/') + 1) };
}
