import { type Actor, faultsOf, type KyozoError } from '@kyozo/resource';
import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Log } from '../../log.ts';
import { faultsBehind } from '../errors.ts';

/** Why a request was refused before any of it ran, with a code. */
export function refusal(error: unknown): GraphQLError {
  if (!(error instanceof GraphQLError)) return ofFault(faultsBehind(error)[0]!);
  if (error.extensions.code) return error;
  const { message, nodes, source, positions } = error;
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    extensions: { code: 'malformed' },
  });
}

/** An error of a field as its reader is told; the cause of an unknown one goes to the log only. */
export function told(error: GraphQLError, log: Pick<Log, 'error'>): GraphQLError {
  const cause = error.originalError;
  if (!cause || cause.name === 'GraphQLError') return refusal(error);
  const [fault] = faultsBehind(cause);
  if (fault!.code === 'unknown') log.error({ err: cause }, 'query failed');
  return ofFault(fault!, error);
}

/** Anything thrown outside of a field, such as where a subscription reads its events. */
export function thrown(error: unknown, log: Pick<Log, 'error'>): GraphQLError {
  if (!faultsOf(error)) log.error({ err: error }, 'subscription failed');
  return ofFault(faultsBehind(error)[0]!);
}

/** A result as JSON has it; strangers get no hints. */
export function shownTo(
  actor: Actor | undefined,
  { data, errors }: { data?: ExecutionResult['data']; errors?: readonly GraphQLError[] },
): { data?: unknown; errors?: readonly GraphQLFormattedError[] } {
  if (!errors) return { data };
  const formatted = errors.map((error) => error.toJSON());
  return { errors: actor ? formatted : formatted.map(withoutHints), data };
}

/** Names that were guessed almost right are not completed. */
function withoutHints(error: GraphQLFormattedError): GraphQLFormattedError {
  return { ...error, message: error.message.replace(/ Did you mean .*$/s, '') };
}

const ofFault = (fault: KyozoError, at?: GraphQLError): GraphQLError =>
  new GraphQLError(fault.message, {
    nodes: at?.nodes,
    path: at?.path,
    extensions: { code: fault.code, ...fault.meta },
  });
