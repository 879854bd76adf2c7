import { createHash, timingSafeEqual } from 'node:crypto';
import { KyozoError } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { errorMessage } from '../errors.ts';
import { version } from '../version.ts';
import { asActor, type Edge } from './context.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';

/** A part of the server that can tell whether it works: it throws when it does not. */
export type Probe = {
  name: string;
  check: () => Promise<void>;
  /** False: others stand in for it, and the server can serve without it. */
  needed?: boolean;
};

/**
 * Liveness; readiness, with the parts that fail; the details, for owners and admins; and metrics, for
 * whoever has the token, or without one for this machine alone.
 * https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check
 */
export async function health(
  app: FastifyInstance,
  edge: Edge,
  probes: readonly Probe[],
  metricsToken: string | undefined,
): Promise<void> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  app.get('/health/live', async () => ({ status: 'pass' }));
  app.get('/health/ready', async (_request, reply) => {
    const checks = await Promise.all(probes.map(run));
    // What a part says may name machines: that is for those who run it.
    return sendHealth(reply, checks, ({ status }) => ({ status }));
  });
  app.get('/health', async (request, reply) =>
    asActor(edge, request, async ({ role }) => {
      if (role !== 'owner' && role !== 'admin')
        throw new KyozoError('forbidden', 'The details are for owners and admins.');
      const checks = await Promise.all(probes.map(run));
      const time = new Date().toISOString();
      const about = { releaseId: version, description: 'Kyozo Store' };
      return sendHealth(reply, checks, ({ status, output }) => ({ status, output, time }), about);
    }).catch((error: unknown) => answerError(error as Error, request, reply)),
  );
  app.get('/metrics', async (request, reply) => {
    // Through a proxy on this machine everybody would come from it.
    const passedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
      (name) => request.headers[name] !== undefined,
    );
    const local =
      !passedOn && ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(request.socket.remoteAddress!);
    if (metricsToken && !isBearer(request.headers.authorization, metricsToken))
      return reply.code(401).header('www-authenticate', 'Bearer realm="Kyozo"').send();
    // A page elsewhere can make a browser on this machine ask, also under a name that it points here.
    const named = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? '');
    if (!metricsToken && (!local || !named || request.headers.origin !== undefined))
      return reply.code(403).send();
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const isBearer = (header: string | undefined, token: string) =>
  timingSafeEqual(sha256(header ?? ''), sha256(`Bearer ${token}`));

type Status = 'pass' | 'warn' | 'fail';
type Check = { name: string; status: Status; output?: string };

function sendHealth(
  reply: FastifyReply,
  checks: readonly Check[],
  shown: (check: Check) => object,
  about: object = {},
): FastifyReply {
  const has = (status: Status) => checks.some((check) => check.status === status);
  const status = has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass';
  const checksByName = Object.fromEntries(checks.map((check) => [check.name, [shown(check)]]));
  void reply.code(status === 'fail' ? 503 : 200).header('cache-control', 'no-store');
  const text = JSON.stringify({ status, ...about, checks: checksByName });
  return sendDocument(reply, text, 'application/health+json');
}

async function run(probe: Probe): Promise<Check> {
  try {
    await probe.check();
    return { name: probe.name, status: 'pass' };
  } catch (error) {
    const status = probe.needed === false ? 'warn' : 'fail';
    return { name: probe.name, status, output: errorMessage(error) };
  }
}
