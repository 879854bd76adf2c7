import type { Attribute, Relationship, Resource } from '@kyozo/resource';
import { listName, mutationName, oneName, relateName } from '../../server/src/api/graphql/names.ts';
import { actionsOf } from '../../server/src/api/jsonapi/routes.ts';
import { type Ask, type Check, type Request, shows } from './check.ts';
import type { Actor, Oracle, Record_ } from './oracle.ts';
import type { Credential } from './scene.ts';

type Told = { data: Record<string, unknown> | null; errors?: { extensions?: { code?: string } }[] };
type Connection = { edges: { node: { id: string } }[] };

/** Every field of the SDL: of Query, of each type, and of Mutation where it must be refused. */
export function graphqlChecks(oracle: Oracle): Check[] {
  return [...oracle.known.values()].flatMap((resource) => {
    const { type, relationships } = resource;
    const check = (name: string, ask: Ask): Check => ({ name: `GraphQL ${name}`, of: type, ask });
    return [
      check(listName(type), listOf(oracle, resource)),
      check(oneName(type), oneOf(oracle, resource)),
      check(`node of ${type}`, nodeOf(oracle)),
      ...Object.keys(relationships).map((name) =>
        check(`${oneName(type)}.${name}`, relatedOf(oracle, resource, name)),
      ),
      ...actionsOf(resource)
        .filter((name) => name !== 'write')
        .map((name) => check(mutationName(resource, name), refusalOf(oracle, resource, name))),
    ];
  });
}

const listOf =
  (oracle: Oracle, { type, trash, cursor }: Resource): Ask =>
  (credential) => {
    const field = listName(type);
    const refusal = refusalToRead(oracle, credential.actor, type);
    const due = refusal
      ? []
      : oracle
          .visible(credential.actor!, type)
          .filter(({ values }) => !trash || values[trash] === null);
    return request(credential, `{ it: ${field}(first: 100) { edges { node { id } } } }`, (told) => {
      if (refusal || cursor) return mustBe(told, refusal);
      const { edges } = (told.data?.it ?? { edges: [] }) as Connection;
      const ids = edges.map(({ node }) => node.id);
      return shows(due, () => ids)(200, '');
    });
  };

const oneOf =
  (oracle: Oracle, { type }: Resource): Ask =>
  (credential, record) => {
    const refusal = refusalToRead(oracle, credential.actor, type);
    return request(credential, `{ it: ${oneName(type)}(id: "${record.id}") { id } }`, (told) =>
      refusal ? mustBe(told, refusal) : mustShow(told.data?.it, oracle, credential, record),
    );
  };

const nodeOf =
  (oracle: Oracle): Ask =>
  (credential, record) => {
    const { actor } = credential;
    if (actor && !oracle.reaches(actor, record.type, 'read')) return undefined;
    return request(credential, `{ it: node(id: "${record.id}") { id } }`, (told) =>
      actor ? mustShow(told.data?.it, oracle, credential, record) : mustBe(told, 'unauthenticated'),
    );
  };

const relatedOf =
  (oracle: Oracle, resource: Resource, name: string): Ask =>
  (credential, record) => {
    const { actor } = credential;
    const relationship = resource.relationships[name]!;
    const target = oracle.known.get(relationship.type)!;
    const visible =
      actor && !refusalToRead(oracle, actor, record.type) && oracle.sees(actor, record);
    // What is refused here is asked of the fields of Query.
    if (!visible || !oracle.reaches(actor, target.type, 'read')) return undefined;
    const many = relationship.kind === 'has-many' || relationship.kind === 'many-through';
    const selection = many ? '(first: 100) { edges { node { id } } }' : '{ id }';
    const query = `{ it: ${oneName(record.type)}(id: "${record.id}") { it: ${name}${selection} } }`;
    return request(credential, query, (told) => {
      const found = (told.data?.it as { it: unknown } | null)?.it;
      if (found === undefined) return `${JSON.stringify(told)} where a record is due`;
      const due = reached(oracle, actor, record, relationship).filter(
        ({ values }) => !many || !target.trash || values[target.trash] === null,
      );
      if (many)
        return shows(due, () => (found as Connection).edges.map(({ node }) => node.id))(200, '');
      const id = (found as { id: string } | null)?.id;
      return id === due[0]?.id ? undefined : `shows ${id} where ${due[0]?.id} is due`;
    });
  };

/** The records that a relationship leads to, of those that the actor may see. */
function reached(
  oracle: Oracle,
  actor: Actor,
  record: Record_,
  relationship: Relationship,
): Record_[] {
  const visible = oracle.visible(actor, relationship.type);
  switch (relationship.kind) {
    case 'belongs-to':
      return visible.filter(({ id }) => id === record.values[relationship.field]);
    case 'many-through': {
      const { through, field, otherField } = relationship;
      const links = oracle
        .visible(actor, through)
        .filter(({ values }) => values[field] === record.id);
      const ids = new Set(links.map(({ values }) => values[otherField]));
      return visible.filter(({ id }) => ids.has(id));
    }
    default:
      return visible.filter(({ values }) => values[relationship.field] === record.id);
  }
}

/** A mutation is sent only where it must be refused: here nothing stops what is allowed. */
const refusalOf =
  (oracle: Oracle, resource: Resource, name: string): Ask =>
  (credential, record) => {
    const action = resource.actions[name]!;
    const policy = resource.policies[name]!;
    if (policy.check === 'anyone') return undefined;
    const onRecord = action.route ? action.route.on === 'record' : action.kind !== 'create';
    const refusal = refusalToAct(
      oracle,
      resource,
      name,
      credential.actor,
      onRecord ? record : undefined,
    );
    if (!refusal) return undefined;
    const input = inputOf(resource, name);
    const parameters = [onRecord ? `id: "${record.id}"` : '', input ? `input: ${input}` : ''];
    const given = parameters.filter(Boolean).join(', ');
    const call = `${mutationName(resource, name)}${given ? `(${given})` : ''}`;
    return request(
      credential,
      `mutation { it: ${call} { errors { code } } }`,
      ({ data, errors }) => {
        const payload = data?.it as { errors: { code: string }[] } | undefined;
        const code = payload?.errors[0]?.code ?? errors?.[0]?.extensions?.code;
        return code === refusal ? undefined : `${code} where ${refusal} is due`;
      },
    );
  };

function refusalToAct(
  oracle: Oracle,
  resource: Resource,
  name: string,
  actor: Actor | undefined,
  record: Record_ | undefined,
): string | undefined {
  if (!actor) return 'unauthenticated';
  const unreadable = record && refusalToRead(oracle, actor, record.type);
  if (unreadable) return unreadable;
  if (record && !oracle.sees(actor, record)) return 'not_found';
  const scope = resource.actions[name]!.scope ?? resource.type;
  const may =
    oracle.reaches(actor, scope, 'write') && oracle.holds(resource.policies[name]!, actor, record);
  if (!may) return 'forbidden';
  return record && oracle.closed(record, name);
}

function refusalToRead(oracle: Oracle, actor: Actor | undefined, type: string): string | undefined {
  if (!actor) return 'unauthenticated';
  return oracle.reaches(actor, type, 'read') ? undefined : 'forbidden';
}

/** An input with something of the right kind for each member that is required. */
function inputOf(resource: Resource, name: string): string | undefined {
  const action = resource.actions[name]!;
  const members = [
    ...(action.accept ?? []),
    ...Object.keys(action.arguments ?? {}),
    ...(action.relate ?? []),
  ];
  if (members.length === 0) return undefined;
  const required = (action.require ?? []).map((member) => {
    if (action.relate?.includes(member)) return `${relateName(member)}: "x"`;
    const attribute = action.arguments?.[member] ?? resource.attributes[member]!;
    return `${member}: ${literalOf(attribute)}`;
  });
  return `{ ${required.join(', ')} }`;
}

function literalOf({ kind }: Attribute): string {
  switch (kind) {
    case 'integer':
      return '1';
    case 'boolean':
      return 'true';
    case 'texts':
      return '["x"]';
    case 'json':
      return '{}';
    default:
      return '"x"';
  }
}

function request(
  { headers }: Credential,
  query: string,
  judge: (told: Told) => string | undefined,
): Request {
  return {
    method: 'POST',
    path: '/api/graphql',
    headers: { ...headers, 'content-type': 'application/json' },
    body: { query },
    verify: (_status, text) => judge(JSON.parse(text) as Told),
  };
}

function mustBe({ data, errors }: Told, code: string | undefined): string | undefined {
  const found = errors?.[0]?.extensions?.code;
  if (found !== code) return `${found} where ${code} is due`;
  return code && data?.it ? 'shows something beside its refusal' : undefined;
}

function mustShow(
  found: unknown,
  oracle: Oracle,
  { actor }: Credential,
  record: Record_,
): string | undefined {
  const id = (found as { id: string } | null | undefined)?.id ?? null;
  const due = oracle.find(record.type, record.id) && oracle.sees(actor!, record) ? record.id : null;
  return id === due ? undefined : `shows ${id} where ${due} is due`;
}
