import { type Actor, KyozoError, type Registry } from '@kyozo/resource';
import type { FastifyRequest } from 'fastify';
import type { Authenticator } from '../accounts/authenticate.ts';
import type { Actions } from '../actions.ts';
import type { Records } from '../records.ts';
import type { Answers } from './answers.ts';

/** What every edge stands on. */
export type Edge = {
  known: Registry;
  records: Records;
  actions: Actions;
  authenticator: Authenticator;
  answers: Answers;
};

export type RequestHead = Pick<FastifyRequest, 'headers'>;

/** The bearer credential of a request, or undefined. @throws KyozoError for another scheme */
export function bearerOf(request: RequestHead): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  const match = /^bearer +([^\s]+)$/i.exec(header);
  if (!match) throw unauthenticated('The Authorization header must be a bearer token.');
  return match[1];
}

/** Who acts in a request; undefined without a credential. @throws KyozoError `unauthenticated`, `not_a_member` */
export async function actorOf(edge: Edge, request: RequestHead): Promise<Actor | undefined> {
  const bearer = bearerOf(request);
  if (bearer === undefined) return undefined;
  const team = request.headers['kyozo-team'];
  const actor = await edge.authenticator.resolve(bearer, Array.isArray(team) ? team[0] : team);
  if (!actor) throw unauthenticated('The credential is wrong or has ended.');
  return actor;
}

/** Like `actorOf`, for what needs somebody. */
export async function someActorOf(edge: Edge, request: RequestHead): Promise<Actor> {
  const actor = await actorOf(edge, request);
  if (!actor) throw unauthenticated('Sign in first.');
  return actor;
}

/**
 * Runs work as the request's actor. When the database refuses the claim (a role changed, say), the
 * claim is looked up anew and the work tried once more, which is safe because a refused unit did nothing.
 */
export async function asActor<Result>(
  edge: Edge,
  request: RequestHead,
  work: (actor: Actor) => Promise<Result>,
): Promise<Result> {
  const actor = await someActorOf(edge, request);
  try {
    return await work(actor);
  } catch (error) {
    const current = await currentActor(edge, request, error);
    if (current.role === actor.role) throw error;
    return work(current);
  }
}

/**
 * For work that cannot be tried once more, since it has read the request's body: what it threw, or what is
 * true of its claim by now.
 */
export async function asOnce<Result>(
  edge: Edge,
  request: RequestHead,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await currentActor(edge, request, error);
    throw error;
  }
}

/** Who acts by now, where an error says that the claim did not hold. @throws any other error as it is */
async function currentActor(edge: Edge, request: RequestHead, error: unknown): Promise<Actor> {
  if (!isStaleClaim(error)) throw error;
  edge.authenticator.forget(bearerOf(request)!);
  return someActorOf(edge, request);
}

/** Whether the database said that a claim does not hold, as opposed to a wrong password, say. */
const isStaleClaim = (error: unknown) =>
  error instanceof KyozoError &&
  error.code === 'unauthenticated' &&
  (error.cause as { code?: string } | undefined)?.code === 'KY001';

const unauthenticated = (message: string) => new KyozoError('unauthenticated', message);
