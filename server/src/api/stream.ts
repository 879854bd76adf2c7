import { type Actor, isUuid, malformed, parseQuery, resourceOf } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { NotificationFeed } from '../accounts/notification-feed.ts';
import { type EventFeed, feedPage, isCursor } from '../events/event-feed.ts';
import type { Signals } from '../events/signals.ts';
import { valuesOf } from '../records.ts';
import { asActor, type Edge } from './context.ts';
import { EventStream, follow } from './event-stream.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError } from './jsonapi/routes.ts';

/** Outputs read at once: a page is held while its reader is slow, and one output may be large. */
const outputsPage = 20;

/** Server-sent events of the team, of a person's notifications, of a run; `Last-Event-ID` resumes. */
export async function stream(
  app: FastifyInstance,
  edge: Edge,
  feed: EventFeed,
  notifications: NotificationFeed,
  signals: Signals,
): Promise<void> {
  app.setErrorHandler(answerError);
  app.get<{ Params: { id: string } }>('/task-runs/:id/outputs/stream', async (request, reply) => {
    const run = resourceOf(edge.known, 'task-runs');
    const outputs = resourceOf(edge.known, 'task-run-outputs');
    const id = idIn(request);
    await asActor(edge, request, (actor) => edge.records.one(actor, run, id));
    const asked = Number(request.headers['last-event-id'] ?? 0);
    let seq = Number.isSafeInteger(asked) && asked > 0 ? asked : 0;
    const events = new EventStream(reply);
    const send = async () => {
      // The status is read first: what an ended run said is stored before it says that it has ended.
      const { status } = valuesOf(
        run,
        await asActor(edge, request, (actor) => edge.records.one(actor, run, id)),
      );
      for (let more = true; more; ) {
        const query = parseQuery(edge.known, outputs, {
          filter: { run: { id } },
          page: { size: outputsPage, after: String(seq) },
        });
        const page = await asActor(edge, request, (actor) => edge.records.page(actor, query));
        for (const row of page.rows) {
          const values = valuesOf(outputs, row) as { seq: number };
          seq = values.seq;
          await events.send({ id: String(seq), event: 'output', data: values });
        }
        more = page.after;
      }
      if (status === 'queued' || status === 'running') return;
      await events.send({ event: 'end', data: { status } });
      events.end();
    };
    follow(events, (wake) => signals.listen(id, wake), send);
    return reply;
  });
  app.get<{ Querystring: { workspace?: string } }>('/events/stream', async (request, reply) => {
    const { workspace } = request.query;
    if (workspace !== undefined && !isUuid(workspace)) {
      throw malformed('workspace must be an id.', { parameter: 'workspace' });
    }
    return serve(edge, request, reply, {
      now: (actor) => feed.now(actor),
      after: (actor, cursor) => feed.after(actor, cursor, { workspaceId: workspace }),
      listen: (actor, wake) => feed.listen(actor.teamId, wake),
      nameOf: (event) => event.name,
    });
  });
  app.get('/notifications/stream', async (request, reply) =>
    serve(edge, request, reply, {
      now: (actor) => notifications.now(actor),
      after: (actor, cursor) => notifications.after(actor, cursor),
      listen: (actor, wake) => notifications.listen(actor, wake),
      nameOf: () => 'notification',
    }),
  );
}

/** What is read on from a cursor, in pieces of a hundred. */
type Feed<Item extends { cursor: string }> = {
  now(actor: Actor): Promise<string>;
  after(actor: Actor, cursor: string): Promise<Item[]>;
  listen(actor: Actor, wake: () => void): () => void;
  nameOf(item: Item): string;
};

/** Streams a feed from `Last-Event-ID` on, or from now. What may not be read is refused before it opens. */
async function serve<Item extends { cursor: string }>(
  edge: Edge,
  request: FastifyRequest,
  reply: FastifyReply,
  feed: Feed<Item>,
): Promise<FastifyReply> {
  const asked = request.headers['last-event-id'];
  if (asked !== undefined && !isCursor(String(asked))) {
    throw malformed('Last-Event-ID is not one of ours.');
  }
  const { actor, now } = await asActor(edge, request, async (found) => ({
    actor: found,
    now: await feed.now(found),
  }));
  let cursor = asked === undefined ? now : String(asked);
  const events = new EventStream(reply);
  const send = async () => {
    for (;;) {
      const found = await asActor(edge, request, (current) => feed.after(current, cursor));
      for (const item of found) {
        const { cursor: id, ...payload } = item;
        await events.send({ id, event: feed.nameOf(item), data: payload });
        cursor = id;
      }
      if (found.length < feedPage) return;
    }
  };
  follow(events, (wake) => feed.listen(actor, wake), send);
  return reply;
}
