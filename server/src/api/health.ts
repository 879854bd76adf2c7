import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { errorMessage } from '../errors.ts';

/** A part of the server that can tell whether it works: it throws when it does not. */
export type Probe = {
  name: string;
  check: () => Promise<void>;
  /** False: others stand in for it, and the server can serve without it. */
  needed?: boolean;
};

/**
 * Liveness, readiness with the part that fails, and metrics: for whoever has the token, or without one
 * for this machine alone.
 */
export async function health(
  app: FastifyInstance,
  probes: readonly Probe[],
  metricsToken: string | undefined,
): Promise<void> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  app.get('/health/live', async () => ({ status: 'pass' }));
  app.get('/health/ready', async (_request, reply) => {
    const checks = await Promise.all(probes.map(run));
    const has = (status: Status) => checks.some((check) => check.status === status);
    const status = has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass';
    if (status === 'fail') void reply.code(503);
    const checksByName = Object.fromEntries(checks.map(({ name, ...check }) => [name, [check]]));
    return reply
      .type('application/health+json')
      .send(JSON.stringify({ status, checks: checksByName }));
  });
  app.get('/metrics', async (request, reply) => {
    // Through a proxy on this machine everybody would come from it.
    const passedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
      (name) => request.headers[name] !== undefined,
    );
    const local =
      !passedOn && ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(request.socket.remoteAddress!);
    if (metricsToken && !isBearer(request.headers.authorization, metricsToken))
      return reply.code(401).header('www-authenticate', 'Bearer realm="Kyozo"').send();
    if (!metricsToken && !local) return reply.code(403).send();
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const isBearer = (header: string | undefined, token: string) =>
  timingSafeEqual(sha256(header ?? ''), sha256(`Bearer ${token}`));

type Status = 'pass' | 'warn' | 'fail';

async function run(probe: Probe): Promise<{ name: string; status: Status; output?: string }> {
  try {
    await probe.check();
    return { name: probe.name, status: 'pass' };
  } catch (error) {
    const status = probe.needed === false ? 'warn' : 'fail';
    return { name: probe.name, status, output: errorMessage(error) };
  }
}
