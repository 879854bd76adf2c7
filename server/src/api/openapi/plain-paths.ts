import { user } from '../../accounts/user.ts';
import { atomicExtension, mediaType } from '../jsonapi/media-type.ts';
import { branchPaths } from './branch-paths.ts';
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
import { transferPaths } from './transfer-paths.ts';

const bytes = { content: { 'application/octet-stream': { schema: {} } } };
const stream = (description: string): Json => ({
  200: { description, content: { 'text/event-stream': { schema: { type: 'string' } } } },
  ...failuresOf(readFailures),
});
const resume: Json = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'Goes on behind this event.',
  schema: { type: 'string' },
};
const team = headerRef('Team');
const atomic = `${mediaType};ext="${atomicExtension}"`;

const versionNumber: Json = { type: 'integer', minimum: 0 };
const blame: Json = {
  type: 'object',
  required: ['meta'],
  properties: {
    meta: {
      type: 'object',
      required: ['version', 'lines'],
      properties: {
        version: versionNumber,
        lines: {
          type: 'array',
          items: {
            type: 'object',
            required: ['from', 'count', 'text', 'version', 'message', 'authors', 'insertedAt'],
            properties: {
              from: { type: 'integer', minimum: 1 },
              count: { type: 'integer', minimum: 1 },
              text: { type: 'string' },
              version: versionNumber,
              message: { type: ['string', 'null'] },
              authors: {},
              insertedAt: { type: 'string', format: 'date-time' },
            },
          },
        },
      },
    },
  },
};

/** Routes that no declaration makes. */
export const plainPaths: Json = {
  ...branchPaths,
  ...transferPaths,
  '/users/me': {
    get: {
      operationId: 'getMe',
      tags: ['users'],
      summary: 'The signed-in person.',
      parameters: [team, ...viewParameters(user)],
      responses: {
        200: { description: 'Done.', ...bodyOf(schemaRef('UserDocument')) },
        ...failuresOf(readFailures),
      },
    },
  },
  '/operations': {
    post: {
      operationId: 'runOperations',
      tags: ['operations'],
      summary: 'Runs up to 100 operations in order, all of them or none.',
      parameters: [team],
      requestBody: { required: true, ...bodyOf(schemaRef('Operations'), atomic) },
      responses: {
        200: { description: 'Done.', ...bodyOf(schemaRef('Results'), atomic) },
        204: { description: 'Done, and there is nothing to show.' },
        ...failuresOf(writeFailures),
      },
    },
  },
  '/files/{id}/content': {
    get: {
      operationId: 'getFileContent',
      tags: ['files'],
      summary: 'The raw bytes; ranges work.',
      parameters: [team, idParameter, headerRef('IfNoneMatch')],
      responses: {
        200: { description: 'The bytes.', ...bytes },
        206: { description: 'A part.', ...bytes },
        304: { description: 'Unchanged.' },
        416: { description: 'The range lies outside.' },
        ...failuresOf(readFailures),
      },
    },
    put: {
      operationId: 'putFileContent',
      tags: ['files'],
      summary: 'Replaces the bytes; makes a version.',
      parameters: [team, idParameter, headerRef('IfMatch')],
      requestBody: bytes,
      responses: {
        200: { description: 'Done.', ...bodyOf(schemaRef('FileDocument')) },
        ...failuresOf(writeFailures),
      },
    },
  },
  '/files/{id}/thumbnail': {
    get: {
      operationId: 'getFileThumbnail',
      tags: ['files'],
      summary: 'A smaller picture of a picture, as WebP, once it has been made.',
      parameters: [team, idParameter, headerRef('IfNoneMatch')],
      responses: {
        200: { description: 'The picture.', content: { 'image/webp': { schema: {} } } },
        304: { description: 'Unchanged.' },
        ...failuresOf(readFailures),
      },
    },
  },
  '/files/{id}/diff': {
    get: {
      operationId: 'getFileDiff',
      tags: ['files'],
      summary: 'What changed between two versions of a text, as a unified diff.',
      parameters: [
        team,
        idParameter,
        queryParameter(
          'fromVersion',
          'The older version; the one before `toVersion`.',
          versionNumber,
        ),
        queryParameter('toVersion', 'The newer version; the newest.', versionNumber),
      ],
      responses: {
        200: {
          description: 'The diff; empty when nothing changed.',
          content: { 'text/x-diff': { schema: { type: 'string' } } },
        },
        ...failuresOf(readFailures),
      },
    },
  },
  '/files/{id}/blame': {
    get: {
      operationId: 'getFileBlame',
      tags: ['files'],
      summary: 'Which version each line of a text came with.',
      parameters: [
        team,
        idParameter,
        queryParameter(
          'atVersion',
          'The version whose lines are meant; the newest.',
          versionNumber,
        ),
      ],
      responses: {
        200: { description: 'Runs of lines, in order.', ...bodyOf(blame) },
        ...failuresOf(readFailures),
      },
    },
  },
  '/file-versions/{id}/content': {
    get: {
      operationId: 'getFileVersionContent',
      tags: ['file-versions'],
      summary: 'The raw bytes of one version, which never change; ranges work.',
      parameters: [team, idParameter, headerRef('IfNoneMatch')],
      responses: {
        200: { description: 'The bytes.', ...bytes },
        206: { description: 'A part.', ...bytes },
        304: { description: 'Unchanged.' },
        416: { description: 'The range lies outside.' },
        ...failuresOf(readFailures),
      },
    },
  },
  '/events/stream': {
    get: {
      operationId: 'streamEvents',
      tags: ['events'],
      summary: 'What happens, as server-sent events.',
      parameters: [
        team,
        resume,
        queryParameter('workspace', 'Only of this workspace.', { type: 'string', format: 'uuid' }),
      ],
      responses: stream('What happens, as it happens.'),
    },
  },
  '/task-runs/{id}/outputs/stream': {
    get: {
      operationId: 'streamTaskRunOutputs',
      tags: ['task-runs'],
      summary: 'Outputs as they come, as server-sent events.',
      parameters: [team, idParameter, resume],
      responses: stream('Outputs, then `end`.'),
    },
  },
};
