import { KyozoError } from '@kyozo/resource';
import type { FastifyRequest } from 'fastify';
import { Attempts } from '../accounts/attempts.ts';
import type { Request as ActionRequest, Outcome } from '../actions.ts';
import type { Config } from '../config.ts';
import type { Edge } from './context.ts';

export type Guard = { signIns: Attempts; registrations: Attempts };

declare module 'fastify' {
  interface FastifyInstance {
    guard: Guard;
  }
}

export const createGuard = (
  config: Pick<Config, 'signInsPerMinute' | 'registrationsPerMinute'>,
): Guard => ({
  signIns: new Attempts(config.signInsPerMinute),
  registrations: new Attempts(config.registrationsPerMinute),
});

/** Runs an action for either API; guessing of passwords and mass registration stop here. */
export async function runAction(
  edge: Edge,
  request: FastifyRequest,
  action: ActionRequest,
): Promise<Outcome> {
  const { signIns, registrations } = request.server.guard;
  const name = `${action.resource.type}.${action.action}`;
  if (name === 'users.register') registrations.take(request.ip);
  const email = action.input.attributes?.email;
  if (name !== 'users.sign-in' || typeof email !== 'string') return edge.actions.run(action);
  const takeBack = signIns.take(email.toLowerCase());
  try {
    const outcome = await edge.actions.run(action);
    takeBack();
    return outcome;
  } catch (error) {
    const wrong = error instanceof KyozoError && error.code === 'unauthenticated';
    if (!wrong) takeBack();
    throw error;
  }
}
