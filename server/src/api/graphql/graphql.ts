import type { FastifyInstance } from 'fastify';
import {
  type ASTVisitor,
  type DocumentNode,
  GraphQLError,
  GraphQLScalarType,
  Kind,
  type ValidationContext,
  type ValueNode,
} from 'graphql';
import mercurius from 'mercurius';
import type { Database } from '../../database/database.ts';
import type { Edge } from '../context.ts';
import { faultsBehind, statusOf } from '../errors.ts';
import { contextFor, type GraphqlContext, resolversOf } from './resolvers.ts';
import { schemaOf } from './schema.ts';

const limits = { depth: 15, aliases: 100 };

/** GraphQL at `/api/graphql`, from the same declarations as JSON:API. */
export async function graphql(app: FastifyInstance, edge: Edge, database: Database): Promise<void> {
  // Mercurius takes JSON for a document that has been parsed already, and trusts its form.
  app.addHook('preHandler', async (request, reply) => {
    if (![request.body, request.query].some(holdsJson)) return;
    const errors = [{ message: 'query must be a document.', extensions: { code: 'malformed' } }];
    return reply.code(400).send({ data: null, errors });
  });
  await app.register(mercurius, {
    schema: schemaOf(edge.known),
    resolvers: {
      ...resolversOf(edge, database),
      DateTime: dateTime,
      JSON: json,
      Long: long,
    } as never,
    path: '/api/graphql',
    graphiql: false,
    // Compiled on first use: twice as fast as graphql-js on lists (docs/adr/0003).
    jit: 1,
    queryDepth: limits.depth,
    validationRules: [limitAliases],
    context: (request) => contextFor(edge, request) as GraphqlContext & Record<string, unknown>,
    errorFormatter(execution, context) {
      const errors = (execution.errors ?? [])
        .flatMap((error) => validationErrors(error) ?? [error])
        .map((error) => formatted(error, context as unknown as GraphqlContext));
      const failed = execution.data == null;
      return {
        statusCode: failed ? statusFor(errors) : 200,
        response: { data: execution.data ?? null, errors },
      } as never;
    },
  });
  // A document that a hook answers is run without being compiled.
  app.graphql.addHook('preExecution', async (_schema, document) =>
    takesFilter(document) ? { document } : undefined,
  );
}

function holdsJson(parameters: unknown): boolean {
  const { query } = (parameters ?? {}) as { query?: unknown };
  try {
    return query !== undefined && JSON.parse(String(query)) !== undefined;
  } catch {
    return false;
  }
}

/** Mercurius hides what was wrong with a document behind one sentence; clients need to know. */
function validationErrors(error: GraphQLError): GraphQLError[] | undefined {
  const inner =
    (error as { errors?: GraphQLError[] }).errors ??
    (error.originalError as { errors?: GraphQLError[] } | undefined)?.errors;
  return Array.isArray(inner) && inner.length > 0 ? inner : undefined;
}

function formatted(error: GraphQLError, context: GraphqlContext): GraphQLError {
  const cause = error.originalError;
  // A GraphQLError is about the request, also where it was thrown by a scalar.
  if (
    !cause ||
    cause.name === 'GraphQLError' ||
    (cause as { statusCode?: number }).statusCode === 400
  )
    return error;
  const [fault] = faultsBehind(cause);
  if (fault!.code === 'unknown') context.request?.log.error({ err: cause }, 'query failed');
  return new GraphQLError(fault!.message, {
    nodes: error.nodes,
    path: error.path,
    extensions: { code: fault!.code },
  });
}

function statusFor(errors: readonly GraphQLError[]): number {
  const code = errors[0]?.extensions?.code as keyof typeof statusOf | undefined;
  return code && code in statusOf ? statusOf[code] : 400;
}

/** Ten thousand aliases of one field are ten thousand reads; counted before anything runs. */
function limitAliases(context: ValidationContext): ASTVisitor {
  let aliases = 0;
  return {
    Field(node) {
      if (!node.alias || ++aliases !== limits.aliases + 1) return;
      context.reportError(
        new GraphQLError(`A query has at most ${limits.aliases} aliases.`, { nodes: node }),
      );
    },
  };
}

/**
 * Whether a document takes a filter as a variable. The compiler unrolls a variable's type; filters
 * reach each other through relationships, so one such query took all memory when it came twice.
 */
function takesFilter(document: DocumentNode): boolean {
  return document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.variableDefinitions?.some(({ type }) => {
        let named = type;
        while (named.kind !== Kind.NAMED_TYPE) named = named.type;
        return named.name.value.endsWith('Filter');
      }),
  );
}

const dateTime = new GraphQLScalarType({ name: 'DateTime', description: 'A time, ISO 8601.' });
const long = new GraphQLScalarType({
  name: 'Long',
  parseValue: wholeNumber,
  parseLiteral: (node) => (node.kind === Kind.INT ? wholeNumber(Number(node.value)) : refuse()),
});
const json = new GraphQLScalarType({
  name: 'JSON',
  parseValue: (value) => value,
  parseLiteral: literal,
});

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
