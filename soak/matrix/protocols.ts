import { type Ask, type Check, type Request, status } from './check.ts';
import { readStatus } from './json-api.ts';
import type { Actor, Oracle, Record_ } from './oracle.ts';
import type { Credential } from './scene.ts';

/** The routes that no declaration makes: raw content, streams, Atomic Operations, git. */
export function protocolChecks(oracle: Oracle): Check[] {
  const check = (name: string, of: string, ask: Ask): Check => ({ name, of, ask });
  return [
    check('GET /users/me', 'users', ({ headers, actor }) => ({
      method: 'GET',
      path: '/api/v1/users/me',
      headers,
      verify: status(meStatus(oracle, actor)),
    })),
    check('GET /files/:id/content', 'files', ({ headers, actor }, record) => ({
      method: 'GET',
      path: `/api/v1/files/${record.id}/content`,
      headers,
      verify: status(readStatus(oracle, actor, record)),
    })),
    check('PUT /files/:id/content', 'files', ({ headers, actor }, record) => ({
      method: 'PUT',
      path: `/api/v1/files/${record.id}/content`,
      headers: { ...headers, 'if-match': '"none"', 'content-type': 'text/plain' },
      body: 'x',
      verify: status(writeStatus(oracle, actor, record)),
    })),
    check('POST /operations', 'files', operations(oracle)),
    check('GET /events/stream', 'events', ({ headers, actor }) =>
      stream('/api/v1/events/stream', headers, listStatus(oracle, actor, 'events')),
    ),
    check('GET /notifications/stream', 'notifications', ({ headers, actor }) =>
      stream('/api/v1/notifications/stream', headers, listStatus(oracle, actor, 'notifications')),
    ),
    check('GET /task-runs/:id/outputs/stream', 'task-runs', ({ headers, actor }, record) => {
      const path = `/api/v1/task-runs/${record.id}/outputs/stream`;
      return stream(path, headers, readStatus(oracle, actor, record));
    }),
    check('git clone', 'workspaces', git(oracle, 'git-upload-pack')),
    check('git push', 'workspaces', git(oracle, 'git-receive-pack')),
    check('git lfs pull', 'workspaces', lfs(oracle, 'download')),
    check('git lfs push', 'workspaces', lfs(oracle, 'upload')),
  ];
}

const listStatus = (oracle: Oracle, actor: Actor | undefined, type: string) =>
  !actor ? 401 : oracle.reaches(actor, type, 'read') ? 200 : 403;

/** A team's key is nobody, and so finds nobody in itself. */
function meStatus(oracle: Oracle, actor: Actor | undefined): number {
  const own = listStatus(oracle, actor, 'users');
  return own === 200 && !oracle.find('users', actor!.userId) ? 404 : own;
}

function writeStatus(oracle: Oracle, actor: Actor | undefined, record: Record_): number {
  const own = readStatus(oracle, actor, record);
  if (own !== 200) return own;
  if (!oracle.reaches(actor!, 'files', 'write')) return 403;
  if (oracle.closed(record, 'write')) return 403;
  return record.values.deletedAt === null ? 412 : 409;
}

const stream = (path: string, headers: Record<string, string>, due: number): Request => ({
  method: 'GET',
  path,
  headers,
  endless: true,
  verify: status(due),
});

/** Two operations of which the second names a member that nothing has: nothing is done, whoever asks. */
const operations =
  (oracle: Oracle): Ask =>
  ({ headers, actor }, record) => {
    const type = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';
    const data = { type: 'files', id: record.id, attributes: { nothingHasThis: true } };
    const own = writeStatus(oracle, actor, record);
    return {
      method: 'POST',
      path: '/api/v1/operations',
      headers: { ...headers, 'content-type': type },
      body: { 'atomic:operations': [{ op: 'update', data }] },
      verify: status(own === 412 || own === 409 ? 422 : own),
    };
  };

/** Over git a person reaches every team of theirs; a key reaches its own. */
const git =
  (oracle: Oracle, service: string): Ask =>
  (credential, record) => {
    const due = gitStatus(oracle, credential, record, service);
    if (due === undefined) return undefined;
    const path = `${repositoryOf(oracle, record)}/info/refs?service=${service}`;
    return { method: 'GET', path, headers: basic(credential), verify: status(due) };
  };

const lfs =
  (oracle: Oracle, operation: 'download' | 'upload'): Ask =>
  (credential, record) => {
    const due = gitStatus(oracle, credential, record, operation);
    if (due === undefined) return undefined;
    return {
      method: 'POST',
      path: `${repositoryOf(oracle, record)}/info/lfs/objects/batch`,
      headers: { ...basic(credential), 'content-type': 'application/vnd.git-lfs+json' },
      body: { operation, objects: [{ oid: '0'.repeat(64), size: 1 }] },
      verify: status(due),
    };
  };

function repositoryOf(oracle: Oracle, record: Record_): string {
  const team = oracle.find('teams', String(record.values.teamId));
  return `/git/${team?.values.slug ?? 'nope'}/${record.values.slug ?? 'nope'}.git`;
}

function basic({ headers }: Credential): Record<string, string> {
  const token = headers.authorization?.replace(/^Bearer /, '');
  if (!token) return {};
  return { authorization: `Basic ${Buffer.from(`git:${token}`).toString('base64')}` };
}

function gitStatus(
  oracle: Oracle,
  { name, headers, actor }: Credential,
  record: Record_,
  service: string,
): number | undefined {
  // Git has no header for the team: what another one made wrong is right here, and asked without it.
  if (headers['kyozo-team'] && !actor) return undefined;
  if (!actor) return 401;
  const reach = name.includes('key')
    ? actor.teamId === record.values.teamId
    : oracle.isMember(actor.userId, record.values.teamId);
  if (record.values.deletedAt !== null) return 404;
  if (!reach || !oracle.reaches(actor, 'files', 'read')) return 404;
  const writes = ['git-receive-pack', 'upload'].includes(service);
  const mayWrite = oracle.reaches(actor, 'files', 'write') && record.values.archivedAt === null;
  return writes && !mayWrite ? 403 : 200;
}
