import type { FastifyInstance } from 'fastify';
import type { Database } from '../../database/database.ts';
import type { EventFeed } from '../../events/event-feed.ts';
import type { Signals } from '../../events/signals.ts';
import type { Edge } from '../context.ts';
import { takeJson } from '../read-json.ts';
import { Engine } from './engine.ts';
import { executable } from './executable.ts';
import { explorerAssets } from './explorer.ts';
import { answerGraphqlError, handlerOf } from './http.ts';
import { resolversOf } from './resolvers.ts';
import { schemaOf } from './schema.ts';
import { socketsOf } from './socket.ts';
import { subscriptionsOf } from './subscriptions.ts';

export type GraphqlOptions = {
  database: Database;
  feed: EventFeed;
  signals: Signals;
  graphqlCost: number;
  publicUrl: string;
  development: boolean;
};

const path = '/api/graphql';

/**
 * GraphQL from the same declarations as JSON:API: HTTP, server-sent events and graphql-transport-ws,
 * all on one path and through one engine, so that what limits one limits all.
 */
export async function graphql(
  app: FastifyInstance,
  edge: Edge,
  options: GraphqlOptions,
): Promise<void> {
  const { database, feed, signals, graphqlCost: cost, publicUrl, development } = options;
  const schema = executable(schemaOf(edge.known), {
    ...resolversOf(edge, database),
    Subscription: subscriptionsOf(edge, feed, signals),
  });
  const engine = new Engine(schema);
  takeJson(app, 'application/json', edge);
  app.setErrorHandler(answerGraphqlError);
  app.addHook('onSend', async (_request, reply, payload) => {
    void reply.header('vary', 'Accept, Authorization, Kyozo-Team');
    return payload;
  });
  const sockets = socketsOf(edge, engine, database, { cost, publicUrl });
  app.addHook('onClose', async () => sockets.stop());
  const handler = handlerOf(edge, engine, { cost, development });
  app.post(path, handler);
  app.route({ method: 'GET', url: path, handler, wsHandler: sockets.accept });
  if (development) explorerAssets(app);
}
