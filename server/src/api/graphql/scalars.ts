import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';

/** The scalars of the SDL. What a text must look like is the kernel's to say. */
export const scalars = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', description: 'A time, ISO 8601.' }),
  Long: new GraphQLScalarType({
    name: 'Long',
    description: 'A whole number of up to 53 bits.',
    parseValue: wholeNumber,
    parseLiteral: (node) => (node.kind === Kind.INT ? wholeNumber(Number(node.value)) : refuse()),
  }),
  JSON: new GraphQLScalarType({
    name: 'JSON',
    description: 'Any JSON.',
    parseValue: (value) => value,
    parseLiteral: literal,
  }),
};

function wholeNumber(value: unknown): unknown {
  return Number.isSafeInteger(value) ? value : refuse();
}

function refuse(): never {
  throw new GraphQLError('Long must be a whole number.');
}

function literal(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map((field) => [field.name.value, literal(field.value)]),
      );
    case Kind.LIST:
      return node.values.map(literal);
    case Kind.NULL:
      return null;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.VARIABLE:
      throw new GraphQLError('Give the whole JSON value as a variable.');
    default:
      return node.value;
  }
}
