import type { Resource } from '@kyozo/resource';
import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionNode } from 'graphql';
import type { Wanted } from '../../records.ts';
import type { Edge } from '../context.ts';

/** What an operation shows of the records at a field: PostgreSQL writes nothing else. */
export type Selected = { attributes: ReadonlySet<string>; beside: Wanted };

const known = new WeakMap<readonly FieldNode[], Selected>();

/**
 * What an operation shows of the records at a field, or at the end of a path below it, and of the
 * records that those belong to. A compiled document keeps its nodes, so it is asked once.
 */
export function selected(
  edge: Edge,
  info: GraphQLResolveInfo,
  resource: Resource,
  path: readonly string[] = [],
): Selected {
  let found = known.get(info.fieldNodes);
  if (!found) {
    const nodes = path.reduce((level, name) => below(info, level, name), info.fieldNodes);
    const beside = Object.entries(resource.relationships).flatMap(([name, relationship]) => {
      const inner = relationship.kind === 'belongs-to' ? below(info, nodes, name) : [];
      const target = edge.known.get(relationship.type);
      return inner.length > 0 && target ? [[name, attributesAt(info, target, inner)] as const] : [];
    });
    found = { attributes: attributesAt(info, resource, nodes), beside: new Map(beside) };
    known.set(info.fieldNodes, found);
  }
  return found;
}

function attributesAt(info: GraphQLResolveInfo, resource: Resource, nodes: readonly FieldNode[]) {
  const names = new Set(fieldsOf(info, nodes).map((node) => node.name.value));
  return new Set(Object.keys(resource.attributes).filter((name) => names.has(name)));
}

const below = (info: GraphQLResolveInfo, nodes: readonly FieldNode[], name: string): FieldNode[] =>
  fieldsOf(info, nodes).filter((node) => node.name.value === name);

function fieldsOf(info: GraphQLResolveInfo, nodes: readonly FieldNode[]): FieldNode[] {
  const spread = (selections: readonly SelectionNode[]): FieldNode[] =>
    selections.flatMap((node) => {
      if (node.kind === Kind.FIELD) return [node];
      if (node.kind === Kind.INLINE_FRAGMENT) return spread(node.selectionSet.selections);
      return spread(info.fragments[node.name.value]!.selectionSet.selections);
    });
  return nodes.flatMap((node) => spread(node.selectionSet?.selections ?? []));
}
