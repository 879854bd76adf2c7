import type { Resource } from '@kyozo/resource';
import { actionsOf, placeOf } from '../../server/src/api/jsonapi/routes.ts';
import { type Ask, type Check, shows, status } from './check.ts';
import type { Actor, Oracle, Record_ } from './oracle.ts';
import type { Credential } from './scene.ts';

const root = '/api/v1';
const media = 'application/vnd.api+json';
/** No record has this version: who may change the record is told 412, and nothing is changed. */
const noVersion = { 'if-match': '"none"' };

/** Makes requests of every JSON:API route, for a credential and a record. */
export function jsonApiChecks(oracle: Oracle): Check[] {
  return [...oracle.known.values()].flatMap((resource) => [
    { name: `GET /${resource.type}`, of: resource.type, ask: listOf(oracle, resource) },
    { name: `GET /${resource.type}/:id`, of: resource.type, ask: oneOf(oracle, resource) },
    ...Object.keys(resource.relationships).flatMap((name) => [
      {
        name: `GET /${resource.type}/:id/${name}`,
        of: resource.type,
        ask: relatedOf(oracle, resource, name, `/${name}`),
      },
      {
        name: `GET /${resource.type}/:id/relationships/${name}`,
        of: resource.type,
        ask: relatedOf(oracle, resource, name, `/relationships/${name}`),
      },
      ...['PATCH', 'POST', 'DELETE'].map((method) => ({
        name: `${method} /${resource.type}/:id/relationships/${name}`,
        of: resource.type,
        ask: relateOf(oracle, resource, name, method),
      })),
    ]),
    ...actionsOf(resource)
      .filter((name) => name !== 'write')
      .map((name) => ({
        name: `${resource.type}.${name}`,
        of: resource.type,
        ask: actionOf(oracle, resource, name),
      })),
  ]);
}

const idsIn = (text: string) =>
  (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id);

const listOf =
  (oracle: Oracle, { type, trash, cursor }: Resource): Ask =>
  ({ headers, actor }) => {
    const path = `${root}/${type}?page[size]=100`;
    const expected = !actor ? 401 : oracle.reaches(actor, type, 'read') ? 200 : 403;
    const request = { method: 'GET', path, headers };
    if (expected !== 200 || cursor) return { ...request, verify: status(expected) };
    const visible = oracle
      .visible(actor!, type)
      .filter(({ values }) => !trash || values[trash] === null);
    return { ...request, verify: shows(visible, idsIn) };
  };

const oneOf =
  (oracle: Oracle, { type }: Resource): Ask =>
  ({ headers, actor }, record) => ({
    method: 'GET',
    path: `${root}/${type}/${record.id}`,
    headers,
    verify: status(readStatus(oracle, actor, record)),
  });

/** 401 without an actor, 403 beyond the scopes, 404 for what is not visible. */
export function readStatus(oracle: Oracle, actor: Actor | undefined, record: Record_): number {
  if (!actor) return 401;
  if (!oracle.reaches(actor, record.type, 'read')) return 403;
  return oracle.sees(actor, record) ? 200 : 404;
}

const relatedOf =
  (oracle: Oracle, resource: Resource, name: string, suffix: string): Ask =>
  ({ headers, actor }, record) => {
    const own = readStatus(oracle, actor, record);
    const path = `${root}/${resource.type}/${record.id}${suffix}`;
    const relationship = resource.relationships[name]!;
    // The linkage of a foreign key is part of the record that holds it; all else is read as its own type.
    const ownPart = suffix.startsWith('/relationships') && relationship.kind === 'belongs-to';
    const beyond = actor && !ownPart && !reachesTarget(oracle, actor, resource, name, record);
    return { method: 'GET', path, headers, verify: status(own === 200 && beyond ? 403 : own) };
  };

/** A relationship that is empty asks for no scope: nothing of the other type is read. */
function reachesTarget(
  oracle: Oracle,
  actor: Actor,
  resource: Resource,
  name: string,
  record: Record_,
): boolean {
  const relationship = resource.relationships[name]!;
  if (relationship.kind === 'belongs-to' && record.values[relationship.field] === null) return true;
  return oracle.reaches(actor, relationship.type, 'read');
}

const relateOf =
  (oracle: Oracle, resource: Resource, name: string, method: string): Ask =>
  ({ headers, actor }, record) => {
    const many = ['has-many', 'many-through'].includes(resource.relationships[name]!.kind);
    const own = readStatus(oracle, actor, record);
    return {
      method,
      path: `${root}/${resource.type}/${record.id}/relationships/${name}`,
      headers: { ...headers, 'content-type': media },
      body: { data: many ? [] : null },
      // No relationship is changed by its own address.
      verify: status(own === 200 ? 403 : own),
    };
  };

const actionOf =
  (oracle: Oracle, resource: Resource, name: string): Ask =>
  (credential, record) => {
    const { method, url } = placeOf(resource, name);
    const onRecord = url.includes(':id');
    const path = `${root}${url.replace(':id', record.id)}`;
    const verify = status(
      actionStatus(oracle, resource, name, credential, onRecord ? record : undefined),
    );
    const plain = onRecord && method === 'PATCH';
    const headers = { ...credential.headers, ...(onRecord ? noVersion : {}) };
    if (method === 'DELETE') return { method, path, headers, verify };
    // An attribute that nothing has: whoever may act is told so, and nothing is changed.
    const attributes = onRecord ? {} : { nothingHasThis: true };
    const data = { type: resource.type, ...(plain ? { id: record.id } : {}), attributes };
    return { method, path, headers: { ...headers, 'content-type': media }, body: { data }, verify };
  };

function actionStatus(
  oracle: Oracle,
  resource: Resource,
  name: string,
  { actor, headers }: Credential,
  record: Record_ | undefined,
): number {
  const policy = resource.policies[name]!;
  const allowed = record ? 412 : 422;
  if (!actor) return policy.check === 'anyone' && !headers.authorization ? allowed : 401;
  if (record) {
    const own = readStatus(oracle, actor, record);
    if (own !== 200) return own;
  }
  if (policy.check === 'anyone') return allowed;
  const scope = resource.actions[name]!.scope ?? resource.type;
  if (!oracle.reaches(actor, scope, 'write')) return 403;
  if (!oracle.holds(policy, actor, record)) return 403;
  const closed = record && oracle.closed(record, name);
  return closed ? { forbidden: 403, conflict: 409 }[closed] : allowed;
}
