import { cursorProfile, KyozoError, type Resource } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Edge } from '../context.ts';
import { errorObject, refuse } from '../errors.ts';
import { takeJson } from '../read-json.ts';
import { atomicExtension, checkAccept, checkContentType, mediaType } from './media-type.ts';
import { operations } from './operations.ts';
import { get, linkage, list, me, related } from './read.ts';
import { relate } from './relationships.ts';
import { act } from './write.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The JSON:API extension that a route speaks. */
    extension?: string;
  }
}

type WithId = FastifyRequest<{ Params: { id: string } }>;

/** The actions that exist at an edge: those that somebody may do. */
export const actionsOf = (resource: Resource): string[] =>
  Object.keys(resource.actions).filter((name) => resource.policies[name]!.check !== 'nobody');

/** JSON:API 1.1 for every declared resource, below the prefix that the caller gives. */
export async function jsonApi(app: FastifyInstance, edge: Edge): Promise<void> {
  takeJson(app, mediaType, edge);
  app.addHook('onRequest', async (request) => {
    const { extension } = request.routeOptions.config;
    checkAccept(request.headers.accept, extension);
    if (hasBody(request)) checkContentType(request.headers['content-type'], extension);
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) =>
    answerError(new KyozoError('not_found', 'There is nothing at this address.'), request, reply),
  );
  app.get('/users/me', async (request, reply) => {
    const text = await me(edge, request, reply);
    return sendDocument(reply, text);
  });
  app.post('/operations', { config: { extension: atomicExtension } }, async (request, reply) => {
    const text = await operations(edge, request, reply);
    return sendDocument(reply, text, `${mediaType};ext="${atomicExtension}"`);
  });
  for (const resource of edge.known.values()) routesOf(app, edge, resource);
}

export const hasBody = (request: FastifyRequest): boolean =>
  Number(request.headers['content-length'] ?? 0) > 0 ||
  request.headers['transfer-encoding'] !== undefined;

/** Any failure as an error document. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const faults = refuse(error, request, reply);
  const text = JSON.stringify({ jsonapi: { version: '1.1' }, errors: faults.map(errorObject) });
  return sendDocument(reply, text);
}

/** Sends a document's text; Fastify itself would add a charset, which JSON:API's media type does not have. */
export const sendDocument = (reply: FastifyReply, text: string, type = mediaType): FastifyReply =>
  reply
    .type(type)
    .header('vary', 'Accept, Authorization, Kyozo-Team')
    .serializer((it: string) => it)
    .send(text === '' ? undefined : text);

function routesOf(app: FastifyInstance, edge: Edge, resource: Resource): void {
  const base = `/${resource.type}`;
  const listType = `${mediaType};profile="${cursorProfile}"`;
  app.get(base, async (request, reply) => {
    const text = await list(edge, resource, request);
    return sendDocument(reply, text, listType);
  });
  app.get(`${base}/:id`, async (request: WithId, reply) => {
    const text = await get(edge, resource, request, reply);
    return sendDocument(reply, text);
  });
  for (const name of Object.keys(resource.relationships)) {
    app.get(`${base}/:id/${name}`, async (request: WithId, reply) => {
      const text = await related(edge, resource, name, request, reply);
      return sendDocument(reply, text);
    });
    app.get(`${base}/:id/relationships/${name}`, async (request: WithId, reply) => {
      const text = await linkage(edge, resource, name, request);
      return sendDocument(reply, text);
    });
    app.route({
      method: ['PATCH', 'POST', 'DELETE'],
      url: `${base}/:id/relationships/${name}`,
      handler: async (request, reply) => {
        const text = await relate(edge, resource, name, request as WithId, reply);
        return sendDocument(reply, text);
      },
    });
  }
  for (const name of actionsOf(resource)) {
    const { method, url } = placeOf(resource, name);
    if (name === 'write') continue;
    app.route({
      method,
      url,
      handler: async (request, reply) => {
        const text = await act(edge, resource, name, request, reply);
        return sendDocument(reply, text);
      },
    });
  }
}

/** Where an action lies. */
export function placeOf(
  resource: Resource,
  name: string,
): { method: 'POST' | 'PATCH' | 'DELETE'; url: string } {
  const action = resource.actions[name]!;
  const base = `/${resource.type}`;
  const { route } = action;
  if (route) {
    const path = route.path === '' ? '' : `/${route.path}`;
    return { method: route.method, url: `${base}${route.on === 'record' ? '/:id' : ''}${path}` };
  }
  if (action.kind === 'create') return { method: 'POST', url: base };
  return { method: action.kind === 'destroy' ? 'DELETE' : 'PATCH', url: `${base}/:id` };
}
