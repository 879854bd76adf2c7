import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { Values } from './values.ts';

const leftOut = /^(run|signOut|deleteAccount|changePassword|resetPassword|revokeOther|.*TwoFactor)/;

/** A document at random from the SDL: queries and mutations, with arguments that mostly fit. */
export function graphqlDocuments(schema: GraphQLSchema, values: Values): () => string {
  const fieldsOf = (type: GraphQLObjectType) =>
    Object.values(type.getFields()).filter(({ name }) => !leftOut.test(name));
  const query = fieldsOf(schema.getQueryType()!);
  const mutation = fieldsOf(schema.getMutationType()!);
  return () => {
    const changes = values.chance(0.3);
    const picked = Array.from(
      { length: values.chance(0.8) ? 1 : 3 },
      (_, at) => `a${at}: ${written(values.pick(changes ? mutation : query), 0)}`,
    );
    const text = `${changes ? 'mutation' : 'query'} { ${picked.join(' ')} }`;
    return values.chance(0.03) ? text.slice(0, -3) : text;
  };

  function written(field: GraphQLField<unknown, unknown>, depth: number): string {
    const given = field.args
      .filter(({ type }) => isNonNullType(type) || values.chance(0.3))
      .map(({ name, type }) => `${name}: ${literal(type, 0)}`);
    const call = given.length > 0 ? `(${given.join(', ')})` : '';
    return `${field.name}${call} ${selection(field.type, depth)}`;
  }

  function selection(type: GraphQLOutputType, depth: number): string {
    const named = getNamedType(type);
    if (!isObjectType(named)) return isLeaf(named) ? '' : '{ __typename id }';
    const fields = Object.values(named.getFields()).filter(
      ({ type: inner }) => depth < 4 || isLeaf(getNamedType(inner)),
    );
    const some = fields.filter(() => values.chance(Math.min(0.5, 3 / fields.length)));
    return `{ __typename ${some.map((field) => written(field, depth + 1)).join(' ')} }`;
  }

  function literal(type: GraphQLInputType, depth: number): string {
    if (isNonNullType(type)) return literal(type.ofType, depth);
    if (values.chance(0.03)) return JSON.stringify(values.pick(['x', 7, true, null]));
    if (isListType(type)) return `[${literal(type.ofType, depth + 1)}]`;
    if (isEnumType(type)) return type.getValues()[0]!.name;
    if (isInputObjectType(type)) {
      const members = Object.values(type.getFields()).filter(
        (it) => isNonNullType(it.type) || (depth < 3 && values.chance(0.25)),
      );
      return `{ ${members.map((it) => `${it.name}: ${literal(it.type, depth + 1)}`).join(', ')} }`;
    }
    return scalar(String(type));
  }

  function scalar(name: string): string {
    switch (name) {
      case 'Int':
      case 'Long':
        return String(values.pick([0, 1, 5, 100, 101, -1, 2_147_483_647]));
      case 'Boolean':
        return String(values.chance(0.5));
      case 'ID':
        return JSON.stringify(values.text({ format: 'uuid' }));
      case 'DateTime':
        return JSON.stringify(values.text({ format: 'date-time' }));
      default:
        return JSON.stringify(values.text().toWellFormed());
    }
  }
}

const isLeaf = (type: { name: string }) => !('getFields' in type);
