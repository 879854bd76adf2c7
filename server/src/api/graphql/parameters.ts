import { KyozoError, malformed } from '@kyozo/resource';
import type { Request } from './engine.ts';
import { limits } from './limits.ts';

const hashForm = /^[0-9a-f]{64}$/;

/** The requests in a POST body: one, or a batch in its order. @throws KyozoError `malformed` */
export function requestsIn(body: unknown): { requests: Request[]; batch: boolean } {
  if (!Array.isArray(body)) return { requests: [requestIn(body)], batch: false };
  if (body.length === 0) throw malformed('A batch has at least one request.');
  if (body.length > limits.batch) {
    throw new KyozoError('too_large', `A batch has at most ${limits.batch} requests.`, {
      meta: { limit: 'batch', most: limits.batch, asked: body.length },
    });
  }
  return { requests: body.map(requestIn), batch: true };
}

/** The request in the parameters of a GET; variables and extensions are JSON. @throws KyozoError `malformed` */
export function requestInUrl(parameters: Readonly<Record<string, unknown>>): Request {
  const json = (name: string): unknown => {
    const text = parameters[name];
    if (text === undefined || text === '') return undefined;
    try {
      return JSON.parse(String(text));
    } catch {
      throw malformed(`${name} must be JSON.`);
    }
  };
  const variables = json('variables');
  return requestIn({ ...parameters, variables, extensions: json('extensions') });
}

/** One request, its form checked; null stands for absent. @throws KyozoError `malformed` */
export function requestIn(body: unknown): Request {
  if (!isObject(body)) throw malformed('The body must be a GraphQL request.');
  const { query, operationName, variables, extensions } = body;
  if (query != null && typeof query !== 'string') throw malformed('query must be a document.');
  if (operationName != null && typeof operationName !== 'string') {
    throw malformed('operationName must be a text.');
  }
  if (variables != null && !isObject(variables)) throw malformed('variables must be an object.');
  if (extensions != null && !isObject(extensions)) throw malformed('extensions must be an object.');
  const hash = hashIn(extensions ?? {});
  if (query == null && hash === undefined) throw malformed('The request has no query.');
  return {
    query: query ?? undefined,
    operationName: operationName || undefined,
    variables: variables ?? undefined,
    hash,
  };
}

function hashIn({ persistedQuery }: Record<string, unknown>): string | undefined {
  if (persistedQuery == null) return undefined;
  const { version, sha256Hash } = isObject(persistedQuery) ? persistedQuery : {};
  if (version !== 1 || typeof sha256Hash !== 'string' || !hashForm.test(sha256Hash)) {
    throw malformed('persistedQuery must have version 1 and a sha256Hash.');
  }
  return sha256Hash;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
