import type { FastifyRequest } from 'fastify';
import type { Request as ActionRequest, Outcome } from '../actions.ts';
import type { Edge } from './context.ts';

/** Runs an action for either API, and says which program asks. */
export function runAction(
  edge: Edge,
  request: FastifyRequest,
  action: ActionRequest,
): Promise<Outcome> {
  const userAgent = request.headers['user-agent'];
  return edge.actions.run({ ...action, client: { ip: request.ip, userAgent } });
}
