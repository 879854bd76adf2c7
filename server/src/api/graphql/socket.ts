import { type Actor, KyozoError } from '@kyozo/resource';
import type { FastifyRequest } from 'fastify';
import type { ExecutionResult } from 'graphql';
import { CloseCode, type Context, makeServer, type SubscribePayload } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { isShutOut } from '../../accounts/authenticate.ts';
import type { Database } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import { isOwnOrigin } from '../../origin.ts';
import { actorOf, asActor, type Edge } from '../context.ts';
import { checkShape, strangersLimit } from '../read-json.ts';
import { type Engine, isRefused, type Prepared } from './engine.ts';
import { refusal, shownTo } from './errors.ts';
import { Allowance } from './limits.ts';
import { requestIn } from './parameters.ts';
import { contextFor } from './resolvers.ts';

type Settings = { cost: number; publicUrl: string };
/** A socket and who speaks on it: the upgrade's request with the credential of `connection_init`. */
type Session = { socket: WebSocket; request: FastifyRequest; actor?: Actor };
type Extra = { session: Session };
type Arguments = { prepared: Prepared };

const initTimeout = 3_000;
const keepAlive = 12_000;
/** How often open sockets ask whether their credential still stands. */
const recheck = 500;
/** So many operations run on one socket at once. */
const mostOperations = 100;

/**
 * graphql-transport-ws by graphql-ws's own server: its close codes are the protocol's. The credential
 * is `connectionParams.authorization`, with or without `Bearer`, and the team `connectionParams.team`.
 * One that is missing or wrong, or ends later, is 4403: a client may come back with a new one. Where it is
 * good and its owner no member of the team, the reason is `not_a_member`.
 */
export function socketsOf(edge: Edge, engine: Engine, database: Database, settings: Settings) {
  const sessions = new Set<Session>();
  const contextOf = (session: Session) => contextFor(edge, session.request);
  const server = makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: initTimeout,
    async onConnect({ connectionParams, extra: { session } }) {
      session.request = speakingAs(session.request, connectionParams);
      session.actor = await actorOf(edge, session.request).catch((error) =>
        refused(error, session),
      );
      if (session.actor) sessions.add(session);
      return session.actor !== undefined;
    },
    onSubscribe: (context, _id, payload) => prepare(engine, settings, context, payload) as never,
    execute: (given) => {
      const { prepared, contextValue } = given as unknown as Arguments & { contextValue: Session };
      return engine.run(prepared, contextOf(contextValue));
    },
    subscribe: (given) => {
      const { prepared, contextValue } = given as unknown as Arguments & { contextValue: Session };
      return engine.subscribe(prepared, () => contextOf(contextValue)) as never;
    },
    onNext: ({ extra: { session } }, _id, _payload, _given, result) =>
      shownTo(session.actor, result as ExecutionResult) as never,
  });
  const timer = setInterval(() => void endStale(edge, database, sessions), recheck);
  return {
    accept(socket: WebSocket, request: FastifyRequest): void {
      if (!isOwnOrigin(request.headers.origin, request.headers.host, settings.publicUrl)) {
        socket.close(CloseCode.Forbidden, 'Forbidden');
        return;
      }
      const session: Session = { socket, request };
      socket.once('close', () => sessions.delete(session));
      open(server, session);
    },
    stop: () => clearInterval(timer),
  };
}

function prepare(
  engine: Engine,
  settings: Settings,
  context: Context<Record<string, unknown>, Extra>,
  payload: SubscribePayload,
) {
  const { session } = context.extra;
  try {
    if (Object.keys(context.subscriptions).length > mostOperations) {
      throw new KyozoError('too_many', `A socket runs at most ${mostOperations} operations.`);
    }
    const prepared = engine.prepare(requestIn(payload), new Allowance(settings.cost));
    if (isRefused(prepared)) return prepared.errors;
    return {
      schema: engine.schema,
      document: prepared.known.document,
      operationName: prepared.operation.name?.value,
      contextValue: session,
      prepared,
    };
  } catch (error) {
    return [refusal(error)];
  }
}

/** The upgrade's request with another head; everything else, such as its address, stays. */
function speakingAs(
  request: FastifyRequest,
  parameters: Readonly<Record<string, unknown>> | undefined,
): FastifyRequest {
  const { authorization, team } = parameters ?? {};
  const bearer = typeof authorization === 'string' ? authorization.replace(/^bearer +/i, '') : '';
  const headers = {
    ...request.headers,
    authorization: bearer ? `Bearer ${bearer}` : undefined,
    'kyozo-team': typeof team === 'string' ? team : undefined,
  };
  return Object.create(request, { headers: { value: headers } }) as FastifyRequest;
}

function refused(error: unknown, { socket }: Session): undefined {
  if (!isShutOut(error)) throw error;
  socket.close(CloseCode.Forbidden, reasonOf(error));
}

/** The credential of one who is no member is good: a client must not think that its session is over. */
const reasonOf = (error: unknown) =>
  error instanceof KyozoError && error.code === 'not_a_member' ? error.code : 'Forbidden';

/** Hands a socket to graphql-ws, and sees that a peer which went away is noticed. */
function open(server: ReturnType<typeof makeServer<never, Extra>>, session: Session): void {
  const { socket } = session;
  let alive = true;
  const timer = setInterval(() => {
    if (!alive) socket.terminate();
    alive = false;
    socket.ping();
  }, keepAlive);
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('error', () => socket.terminate());
  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: (text) =>
        new Promise((resolve) => {
          socket.send(text, () => resolve());
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) =>
        socket.on('message', (data: Buffer) => {
          if (!isBearable(data, session)) {
            socket.close(CloseCode.BadRequest, 'Too large');
            return;
          }
          take(String(data)).catch((error: unknown) => {
            session.request.log.error({ err: error }, 'GraphQL socket failed');
            socket.close(CloseCode.InternalServerError, 'Internal error');
          });
        }),
    },
    { session },
  );
  socket.once('close', (code, reason) => {
    clearInterval(timer);
    closed(code, String(reason)).catch((error: unknown) => {
      session.request.log.error({ err: error }, 'a GraphQL socket could not be closed');
    });
  });
}

/** Whether a message may be parsed: of a stranger a small one, and of nobody one that is too deep. */
function isBearable(data: Buffer, { actor }: Session): boolean {
  if (!actor && data.length > strangersLimit) return false;
  try {
    checkShape(data);
    return true;
  } catch {
    return false;
  }
}

/** Closes the sockets whose credential or membership no longer stands; each is asked for once. */
async function endStale(
  edge: Edge,
  database: Database,
  sessions: ReadonlySet<Session>,
): Promise<void> {
  const asked = new Map<string, Promise<string | undefined>>();
  const ended = [...sessions].map(async ({ socket, request }) => {
    const key = `${request.headers['kyozo-team']} ${request.headers.authorization}`;
    const reason = asked.get(key) ?? reasonToEnd(edge, database, request);
    asked.set(key, reason);
    const found = await reason;
    if (found !== undefined) socket.close(CloseCode.Forbidden, found);
  });
  await Promise.all(ended);
}

const reasonToEnd = (edge: Edge, database: Database, request: FastifyRequest) =>
  asActor(edge, request, (actor) => database.rows(actor, sql`select 1`)).then(
    () => undefined,
    (error: unknown) => (isShutOut(error) ? reasonOf(error) : undefined),
  );
