import { type Action, type Actor, parseQuery, type Resource, resourceOf } from '@kyozo/resource';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Request as ActionRequest, Outcome } from '../../actions.ts';
import { evaluate } from '../conditions.ts';
import { actorOf, asActor, type Edge } from '../context.ts';
import { runAction } from '../guard.ts';
import { once } from '../idempotency.ts';
import { metaText, root } from './document.ts';
import { requireIncludes } from './include.ts';
import { idIn, namesVersion, oneDocument, queryOf } from './read.ts';
import { inputIn } from './request-document.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;

/** Any changing request: `POST /type`, `PATCH` and `DELETE /type/:id`, and the routes of named actions. */
export async function act(
  edge: Edge,
  resource: Resource,
  name: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const action = resource.actions[name]!;
  const onRecord = 'id' in (request.params as object);
  const id = onRecord ? idIn(request as WithId) : undefined;
  // All that can be wrong with the request is found before anything is changed.
  const asked = (actor: Actor | undefined): ActionRequest => {
    requireIncludes(edge, actor, resource, queryOf(edge, resource, request).include);
    return {
      resource,
      action: name,
      actor,
      id,
      input: inputIn(resource, action, request.body, id),
      precondition: (version) => {
        const isCurrent = (tag: string) => namesVersion(tag, version);
        return evaluate(request, { isCurrent }).isPinned ? version : undefined;
      },
    };
  };
  if (resource.policies[name]!.check === 'anyone') {
    const actor = await actorOf(edge, request);
    const outcome = await runAction(edge, request, asked(actor));
    return answer(edge, resource, action, outcome, outcome.actor ?? actor, request, reply);
  }
  return asActor(edge, request, (actor) =>
    once(edge, actor, { resource, action: name }, request, reply, async (within, run) => {
      const outcome = await run(asked(actor));
      return answer(within, resource, action, outcome, outcome.actor ?? actor, request, reply);
    }),
  );
}

async function answer(
  edge: Edge,
  resource: Resource,
  action: Action,
  outcome: Outcome,
  actor: Actor | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  if (!outcome.row || !actor) {
    void reply.code(outcome.status ?? action.status ?? (outcome.meta ? 200 : 204));
    return outcome.meta ? metaText(outcome.meta) : '';
  }
  const shown =
    outcome.resource ?? (action.answers ? resourceOf(edge.known, action.answers) : resource);
  const status = outcome.status ?? action.status ?? (action.kind === 'create' ? 201 : 200);
  if (status === 201 || status === 202)
    void reply.header('location', `${root}/${shown.type}/${outcome.row.id}`);
  void reply.code(status);
  const query =
    shown === resource ? queryOf(edge, shown, request) : parseQuery(edge.known, shown, {});
  return oneDocument(edge, actor, query, outcome.row, request, reply, outcome.meta);
}
