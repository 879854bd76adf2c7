import { KyozoError } from '@kyozo/resource';
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';

/** What one request may ask for; a batch is one request. The cost is a setting (LIMIT_GRAPHQL_COST). */
export const limits = {
  depth: 15,
  aliases: 100,
  directives: 100,
  fields: 500,
  tokens: 5_000,
  batch: 20,
};
/** A list that does not say how many, and what each read beside records is worth. */
const listSize = 20;
const costs = { mutation: 10, introspection: 500 };

export type Measures = { depth: number; aliases: number; directives: number; fields: number };
const nothing: Measures = { depth: 0, aliases: 0, directives: 0, fields: 0 };

/**
 * How large a document is with its fragments spread, in time linear in its text: each fragment is
 * measured once. Fragments that hold themselves measure 0; validation refuses them.
 */
export function measure(document: DocumentNode): Measures {
  const fragments = fragmentsOf(document);
  const known = new Map<string, Measures>();
  const selection = (nodes: readonly SelectionNode[]): Measures => {
    const total = { ...nothing };
    for (const node of nodes) {
      const inner = innerOf(node);
      const isField = node.kind === Kind.FIELD;
      const isIntrospection = isField && node.name.value.startsWith('__');
      total.fields += inner.fields + (isField ? 1 : 0);
      total.aliases += inner.aliases + (isField && node.alias ? 1 : 0);
      total.directives += inner.directives + (node.directives?.length ?? 0);
      // graphql-js has a limit of its own on how deep introspection goes.
      const depth = isIntrospection ? 1 : inner.depth + (isField ? 1 : 0);
      total.depth = Math.max(total.depth, depth);
    }
    return total;
  };
  const innerOf = (node: SelectionNode): Measures => {
    if (node.kind !== Kind.FRAGMENT_SPREAD) return selection(node.selectionSet?.selections ?? []);
    const name = node.name.value;
    if (!known.has(name)) {
      known.set(name, nothing);
      known.set(name, selection(fragments.get(name)?.selectionSet.selections ?? []));
    }
    return known.get(name)!;
  };
  return document.definitions
    .filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .map((node) => ({
      ...selection(node.selectionSet.selections),
      own: node.directives?.length ?? 0,
    }))
    .reduce<Measures>(
      (sum, part) => ({
        depth: Math.max(sum.depth, part.depth),
        aliases: sum.aliases + part.aliases,
        directives: sum.directives + part.directives + part.own,
        fields: sum.fields + part.fields,
      }),
      nothing,
    );
}

/** What is left of a request's allowance; the documents of a batch share one. */
export class Allowance {
  readonly #most: Record<string, number>;
  readonly #taken: Record<string, number> = {};

  constructor(cost: number) {
    this.#most = { ...limits, cost };
  }

  /** @throws KyozoError `too_large` with the limit and the number */
  take(asked: Partial<Measures> & { cost?: number }): void {
    for (const [name, amount] of Object.entries(asked)) {
      const before = name === 'depth' ? 0 : (this.#taken[name] ?? 0);
      const total = before + amount;
      const most = this.#most[name]!;
      if (total > most) {
        throw new KyozoError(
          'too_large',
          `The ${name} of a request is at most ${most}, not ${total}.`,
          {
            meta: { limit: name, most, asked: total },
          },
        );
      }
      this.#taken[name] = total;
    }
  }
}

/**
 * What an operation may cost at worst: 1 for each read and 1 for each record that it may find, lists
 * multiplied by how many they ask for. The document must be valid
 * and the variables coerced, defaults among them.
 */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number {
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();
  const selection = (nodes: readonly SelectionNode[], type: GraphQLCompositeType, size: number) => {
    let sum = 0;
    for (const node of nodes) sum += costOfNode(node, type, size);
    return sum;
  };
  const costOfNode = (node: SelectionNode, type: GraphQLCompositeType, size: number): number => {
    if (node.kind === Kind.FIELD) return costOfField(node, type, size);
    if (node.kind === Kind.INLINE_FRAGMENT) {
      const on = node.typeCondition?.name.value;
      const inner = (on ? schema.getType(on) : type) as GraphQLCompositeType;
      return selection(node.selectionSet.selections, inner, size);
    }
    const name = `${size} ${node.name.value}`;
    if (!known.has(name)) {
      const { selectionSet, typeCondition } = fragments.get(node.name.value)!;
      const inner = schema.getType(typeCondition.name.value) as GraphQLCompositeType;
      known.set(name, selection(selectionSet.selections, inner, size));
    }
    return known.get(name)!;
  };
  /** `size` is how many edges the connection around it has, or how many nodes were asked for. */
  const costOfField = (node: FieldNode, type: GraphQLCompositeType, size: number): number => {
    const name = node.name.value;
    if (name === '__typename') return 0;
    if (name.startsWith('__')) return costs.introspection;
    if (!isObjectType(type) && !isInterfaceType(type)) return 0;
    const inner = getNamedType(type.getFields()[name]!.type);
    if (!isCompositeType(inner)) return name === 'totalCount' ? 1 : 0;
    const below = node.selectionSet?.selections ?? [];
    if (inner.name.endsWith('Connection')) {
      const count = numberIn(node, 'first', variables) ?? numberIn(node, 'last', variables);
      return 1 + selection(below, inner, Math.max(1, count ?? listSize));
    }
    if (name === 'edges' && type.name.endsWith('Connection')) {
      return size * (1 + selection(below, inner, 1));
    }
    if (name === 'pageInfo' || name === 'errors') return 0;
    const many = name === 'nodes' ? lengthOf(node, 'ids', variables) : 1;
    const own = type === schema.getMutationType() ? costs.mutation : 1;
    if (type.name.endsWith('Edge')) return selection(below, inner, 1);
    return many * (own + selection(below, inner, 1));
  };
  const root = schema.getRootType(operation.operation)!;
  return selection(operation.selectionSet.selections, root, 1);
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((node) => [node.name.value, node]));
}

function argument(node: FieldNode, name: string) {
  return node.arguments?.find((it) => it.name.value === name)?.value;
}

function numberIn(
  node: FieldNode,
  name: string,
  variables: Readonly<Record<string, unknown>>,
): number | undefined {
  const value = argument(node, name);
  const given =
    value?.kind === Kind.VARIABLE
      ? variables[value.name.value]
      : value?.kind === Kind.INT
        ? Number(value.value)
        : undefined;
  return typeof given === 'number' ? given : undefined;
}

function lengthOf(
  node: FieldNode,
  name: string,
  variables: Readonly<Record<string, unknown>>,
): number {
  const value = argument(node, name);
  const given = value?.kind === Kind.VARIABLE ? variables[value.name.value] : undefined;
  return value?.kind === Kind.LIST ? value.values.length : Array.isArray(given) ? given.length : 1;
}
