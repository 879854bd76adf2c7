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
  const device = deviceIn(request.headers['kyozo-device']);
  return edge.actions.run({ ...action, client: { ip: request.ip, userAgent, device } });
}

/** Anything else names no device; a shorter one could be guessed. */
const deviceIn = (header: string | string[] | undefined) =>
  typeof header === 'string' && /^[\w-]{20,100}$/.test(header) ? header : undefined;
