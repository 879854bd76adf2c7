import { transfer } from '../../archives/transfer.ts';
import { viewParameters } from './parameters.ts';
import {
  bodyOf,
  failuresOf,
  headerRef,
  idParameter,
  type Json,
  queryParameter,
  readFailures,
  schemaRef,
  writeFailures,
} from './shared.ts';

const team = headerRef('Team');
const text: Json = { type: 'string' };
const bytes: Json = { type: 'integer', minimum: 0 };
const address: Json = { type: 'string', format: 'uri-reference' };
const bodies = (type: string): Json => ({ content: { [type]: { schema: {} } } });
const sent = (name: string, required: boolean, description: string, schema: Json = text): Json => ({
  ...{ name, in: 'header', required, description, schema },
});
const answered = (description: string, schema: Json = text): Json => ({ description, schema });

const tus = sent('Tus-Resumable', true, 'The version of the protocol.', { const: '1.0.0' });
const checksum = sent(
  'Upload-Checksum',
  false,
  'An algorithm (sha1, sha256 or md5) and the digest of this piece in base64; a piece that is another is not kept.',
);
const version = { 'Tus-Resumable': answered('The version of the protocol.', { const: '1.0.0' }) };
const state = {
  ...version,
  'Upload-Offset': answered('How many bytes are here, durably.', bytes),
  'Upload-Expires': answered('When it is forgotten unless it goes on.'),
  'Upload-Result': answered(
    'Once it is whole: the file, or the transfer, that it became.',
    address,
  ),
};
const piece = { required: false, ...bodies('application/offset+octet-stream') };
const ended: Json = { 410: { description: 'It has expired.', ...bodyOf(schemaRef('Errors')) } };
const different: Json = {
  460: { description: 'The piece is not what its checksum says.', ...bodyOf(schemaRef('Errors')) },
};
const continued: Json = {
  204: { description: 'The piece is kept.', headers: state },
  ...failuresOf(writeFailures),
  ...ended,
  ...different,
};
const offset = 'Where the piece goes on; 409 answers with the offset that is right.';

const uploads: Json = {
  '/uploads': {
    post: {
      operationId: 'createUpload',
      tags: ['files'],
      summary: 'Begins an upload that resumes (tus 1.0); its body may be the first piece, or all.',
      parameters: [
        team,
        tus,
        sent('Upload-Length', true, 'How many bytes will come.', bytes),
        sent(
          'Upload-Metadata',
          true,
          'Pairs of a key and a value in base64, comma separated: `workspaceId` and `path` (or `relativePath`); `contentType`; `purpose`, `file` or `import`, which unpacks a zip where it would lie.',
        ),
        checksum,
      ],
      requestBody: piece,
      responses: {
        201: {
          description: 'It has begun.',
          headers: { Location: answered('Its address.', address), ...state },
        },
        ...failuresOf(writeFailures),
        ...different,
      },
    },
  },
  '/uploads/{id}': {
    head: {
      operationId: 'getUpload',
      tags: ['files'],
      summary: 'How much of an upload is here.',
      parameters: [team, idParameter, tus],
      responses: {
        200: {
          description: 'It can go on.',
          headers: {
            ...state,
            'Upload-Length': answered('How many bytes it has in all.', bytes),
            'Upload-Metadata': answered('As it was given.'),
          },
        },
        ...failuresOf([...readFailures, 412]),
        ...ended,
      },
    },
    patch: {
      operationId: 'continueUpload',
      tags: ['files'],
      summary: 'Sends the next piece; the last one makes the file, or begins the import.',
      parameters: [team, idParameter, tus, sent('Upload-Offset', true, offset, bytes), checksum],
      requestBody: { ...piece, required: true },
      responses: continued,
    },
    delete: {
      operationId: 'deleteUpload',
      tags: ['files'],
      summary: 'Ends an upload and forgets what came of it.',
      parameters: [team, idParameter, tus],
      responses: {
        204: { description: 'It is gone.', headers: version },
        ...failuresOf([...readFailures, 412]),
        ...ended,
      },
    },
    post: {
      operationId: 'overrideUpload',
      tags: ['files'],
      summary: 'Does what PATCH or DELETE does, for clients that cannot send them.',
      parameters: [
        team,
        idParameter,
        tus,
        sent('X-HTTP-Method-Override', true, 'What is meant.', { enum: ['PATCH', 'DELETE'] }),
        sent('Upload-Offset', false, `Of PATCH. ${offset}`, bytes),
        checksum,
      ],
      requestBody: piece,
      responses: {
        ...continued,
        405: { description: 'Another method is meant.', ...bodyOf(schemaRef('Errors')) },
      },
    },
  },
};

/** What brings files in and out past their records: uploads that resume, and archives. */
export const transferPaths: Json = {
  ...uploads,
  '/workspaces/{id}/import': {
    post: {
      operationId: 'importArchive',
      tags: ['transfers'],
      summary: 'Takes a zip and unpacks it into a workspace, in the background.',
      parameters: [
        team,
        idParameter,
        queryParameter('folderPath', 'The folder that its files go to; the top.', text),
        ...viewParameters(transfer),
      ],
      requestBody: { required: true, ...bodies('application/zip') },
      responses: {
        202: {
          description: 'It is here, and will be unpacked.',
          headers: { Location: answered('The transfer, which says how far it is.', address) },
          ...bodyOf(schemaRef('TransferDocument')),
        },
        ...failuresOf(writeFailures),
      },
    },
  },
  '/transfers/{id}/content': {
    get: {
      operationId: 'getTransferContent',
      tags: ['transfers'],
      summary:
        'The zip of an export that has succeeded, for the session or key that asked for it; ranges work.',
      parameters: [team, idParameter, headerRef('IfNoneMatch')],
      responses: {
        200: { description: 'The zip.', ...bodies('application/zip') },
        206: { description: 'A part.', ...bodies('application/zip') },
        304: { description: 'Unchanged.' },
        416: { description: 'The range lies outside.' },
        ...failuresOf(readFailures),
      },
    },
  },
};
