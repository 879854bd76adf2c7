import { createHash } from 'node:crypto';
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { Memory } from '../../memory.ts';
import { refusal, thrown, told } from './errors.ts';
import { type Allowance, costOf, limits, type Measures, measure } from './limits.ts';
import type { GraphqlContext } from './resolvers.ts';

/** A request as every transport has it, its form checked. */
export type Request = {
  query?: string;
  operationName?: string;
  variables?: Readonly<Record<string, unknown>>;
  /** The sha256 of a document that the server may have kept (automatic persisted queries). */
  hash?: string;
};
/** An operation that may run: valid, within the limits, its variables good. */
export type Prepared = {
  known: Known;
  operation: OperationDefinitionNode;
  variables: Readonly<Record<string, unknown>>;
};
/** Why a request cannot run; nothing of it has run. */
export type Refused = { errors: readonly GraphQLError[] };

/** A document that came before, with what was found out about it. */
type Known = {
  document: DocumentNode;
  measures: Measures;
  faults?: readonly GraphQLError[];
  uses: number;
  compiled: Map<OperationDefinitionNode, CompiledQuery | undefined>;
};

const kept = { documents: 500, persisted: 1_000, length: 20_000 };

/**
 * Parses, limits, validates and runs documents, for every transport alike. Documents are kept; a query
 * that comes again is compiled, which makes lists twice as fast.
 */
export class Engine {
  readonly schema: GraphQLSchema;
  readonly #known = new Memory<Known>(kept.documents);
  readonly #persisted = new Memory<string>(kept.persisted);

  constructor(schema: GraphQLSchema) {
    this.schema = schema;
  }

  /** Checks a request without running anything of it; what it may cost is taken from the allowance. */
  prepare(request: Request, allowance: Allowance): Prepared | Refused {
    try {
      const text = this.#textOf(request);
      const known = this.#knownOf(text);
      // Before validation, whose time grows with the square of what it is given.
      allowance.take(known.measures);
      known.faults ??= validate(this.schema, known.document);
      if (known.faults.length > 0) return { errors: known.faults.map(refusal) };
      if (request.hash && text.length <= kept.length) this.#persisted.set(request.hash, text);
      const operation = operationIn(known.document, request.operationName);
      const given = request.variables ?? {};
      const { errors, coerced } = getVariableValues(
        this.schema,
        operation.variableDefinitions ?? [],
        given,
      );
      if (!coerced) return { errors: errors.map(refusal) };
      allowance.take({ cost: costOf(this.schema, known.document, operation, coerced) });
      return { known, operation, variables: given };
    } catch (error) {
      return { errors: [refusal(error)] };
    }
  }

  /** Runs a query or a mutation, or a subscription's selection on one event. Never throws. */
  async run(
    { known, operation, variables }: Prepared,
    context: GraphqlContext,
    event?: object,
  ): Promise<ExecutionResult> {
    const compiled = this.#compiled(known, operation);
    const { data, errors } = compiled
      ? await compiled.query(event, context, variables as Record<string, unknown>)
      : await execute({
          schema: this.schema,
          document: known.document,
          operationName: operation.name?.value,
          rootValue: event,
          contextValue: context,
          variableValues: variables,
        });
    if (!errors?.length) return { data };
    return { data, errors: errors.map((error) => told(error, context.request.log)) };
  }

  /**
   * Opens a subscription: a result for each event, with loaders of its own. One that fails later ends
   * with a result that says why.
   */
  async subscribe(
    { known, operation, variables }: Prepared,
    contextOf: () => GraphqlContext,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
    const context = contextOf();
    const { log } = context.request;
    const source = await createSourceEventStream({
      schema: this.schema,
      document: known.document,
      operationName: operation.name?.value,
      contextValue: context,
      variableValues: variables,
    });
    if (!(Symbol.asyncIterator in source)) {
      return { errors: source.errors?.map((error) => told(error, log)) };
    }
    const run = (event: object) => this.run({ known, operation, variables }, contextOf(), event);
    return resultsFrom(source as AsyncIterable<object>, run, (error) => thrown(error, log));
  }

  #textOf({ query, hash }: Request): string {
    if (hash === undefined) return query!;
    if (query === undefined) {
      const text = this.#persisted.get(hash);
      if (text !== undefined) return text;
      const extensions = { code: 'PERSISTED_QUERY_NOT_FOUND' };
      throw new GraphQLError('PersistedQueryNotFound', { extensions });
    }
    if (createHash('sha256').update(query).digest('hex') === hash) return query;
    throw new GraphQLError('The hash is not that of the document.');
  }

  #knownOf(text: string): Known {
    const found = this.#known.get(text);
    if (found) {
      found.uses += 1;
      return found;
    }
    const document = parse(text, { maxTokens: limits.tokens });
    const known: Known = { document, measures: measure(document), uses: 1, compiled: new Map() };
    if (text.length <= kept.length) this.#known.set(text, known);
    return known;
  }

  #compiled(known: Known, operation: OperationDefinitionNode): CompiledQuery | undefined {
    // Mutations stay with graphql-js: they are rare, and it runs them in order by the specification.
    if (known.uses < 2 || operation.operation !== 'query' || takesFilter(operation)) {
      return undefined;
    }
    if (!known.compiled.has(operation)) {
      const compiled = compileQuery(this.schema, known.document, operation.name?.value);
      known.compiled.set(operation, isCompiledQuery(compiled) ? compiled : undefined);
    }
    return known.compiled.get(operation);
  }
}

export const isRefused = (it: Prepared | Refused): it is Refused => 'errors' in it;

/** A result for each event; a failure of the source is the last one. `return()` reaches the source at once. */
function resultsFrom(
  source: AsyncIterable<object>,
  run: (event: object) => Promise<ExecutionResult>,
  thrownAs: (error: unknown) => GraphQLError,
): AsyncIterableIterator<ExecutionResult> {
  const events = source[Symbol.asyncIterator]();
  let failed = false;
  return {
    async next() {
      if (failed) return { done: true, value: undefined };
      try {
        const { done, value } = await events.next();
        return done ? { done, value: undefined } : { done: false, value: await run(value) };
      } catch (error) {
        failed = true;
        return { done: false, value: { errors: [thrownAs(error)] } };
      }
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** @throws GraphQLError when the name fits none, or several operations have none named */
function operationIn(document: DocumentNode, name: string | undefined): OperationDefinitionNode {
  const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const fitting = name ? operations.filter((node) => node.name?.value === name) : operations;
  if (fitting.length === 1) return fitting[0]!;
  if (name) throw new GraphQLError('The document has no operation of that name.');
  throw new GraphQLError('Of several operations one must be named.');
}

/**
 * Whether an operation takes a filter as a variable. The compiler unrolls a variable's type; filters
 * reach each other through relationships, so one such query took all memory when it came twice.
 */
function takesFilter(operation: OperationDefinitionNode): boolean {
  return !!operation.variableDefinitions?.some(({ type }) => {
    let named = type;
    while (named.kind !== Kind.NAMED_TYPE) named = named.type;
    return named.name.value.endsWith('Filter');
  });
}
