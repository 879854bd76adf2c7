import type { Resource } from '@kyozo/resource';
import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionNode } from 'graphql';
import type { Fields } from './loaders.ts';

const known = new WeakMap<readonly FieldNode[], ReadonlySet<string>>();

/**
 * The attributes that an operation shows of the records at a field, or at the end of a path below it:
 * PostgreSQL writes no others. A compiled document keeps its nodes, so it is asked once.
 */
export function selected(
  info: GraphQLResolveInfo,
  resource: Resource,
  path: readonly string[] = [],
): Fields {
  let fields = known.get(info.fieldNodes);
  if (!fields) {
    const names = namesAt(info, info.fieldNodes, path);
    fields = new Set(Object.keys(resource.attributes).filter((name) => names.has(name)));
    known.set(info.fieldNodes, fields);
  }
  return fields;
}

function namesAt(
  info: GraphQLResolveInfo,
  nodes: readonly FieldNode[],
  path: readonly string[],
): ReadonlySet<string> {
  let level = fieldsOf(info, nodes);
  for (const name of path) {
    level = fieldsOf(
      info,
      level.filter((node) => node.name.value === name),
    );
  }
  return new Set(level.map((node) => node.name.value));
}

function fieldsOf(info: GraphQLResolveInfo, nodes: readonly FieldNode[]): FieldNode[] {
  const spread = (selections: readonly SelectionNode[]): FieldNode[] =>
    selections.flatMap((node) => {
      if (node.kind === Kind.FIELD) return [node];
      if (node.kind === Kind.INLINE_FRAGMENT) return spread(node.selectionSet.selections);
      return spread(info.fragments[node.name.value]!.selectionSet.selections);
    });
  return nodes.flatMap((node) => spread(node.selectionSet?.selections ?? []));
}
