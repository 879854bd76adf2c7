import {
  type Actor,
  ask,
  forbidden,
  idOf,
  looksThrough,
  malformed,
  notFound,
  parseQuery,
  type Resource,
  resourceOf,
  scopeAllows,
} from '@kyozo/resource';
import type { GraphQLResolveInfo } from 'graphql';
import type { Row } from '../../database/select.ts';
import { type EventFeed, type FeedEvent, feedPage, isCursor } from '../../events/event-feed.ts';
import type { Signals } from '../../events/signals.ts';
import { valuesOf } from '../../records.ts';
import { asActor, type Edge } from '../context.ts';
import { following } from './following.ts';
import { changedName, hasEvents, oneName } from './names.ts';
import type { GraphqlContext } from './resolvers.ts';
import { selected } from './selected.ts';
import { shown } from './shown.ts';

type Subscribe = (
  root: unknown,
  parameters: never,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
) => Promise<AsyncIterable<unknown>>;
type Subscription = { subscribe: Subscribe; resolve: (event: unknown) => unknown };
const outputsPage = 100;

/**
 * Subscriptions read what is new from PostgreSQL behind the reader's cursor, and are only woken by
 * what happens here: nothing is missed across a reconnection, and every read asks whether the
 * credential still stands.
 */
export function subscriptionsOf(
  edge: Edge,
  feed: EventFeed,
  signals: Signals,
): Record<string, Subscription> {
  const fields: Record<string, Subscribe> = {
    events: (_root, { workspaceId, after }: { workspaceId?: string; after?: string }, context) =>
      eventsOf(edge, feed, context, { workspaceId: idIn(workspaceId) }, after, async (_, events) =>
        events.map((event) => ({ ...event, resource: event.type, user: userOf(edge, event) })),
      ),
    taskRunOutputs: (_root, { runId, after }: { runId: string; after?: number }, context) =>
      outputsOf(edge, signals, context, runId, after ?? 0),
  };
  for (const resource of edge.known.values()) {
    if (!hasEvents(resource)) continue;
    const one = oneName(resource.type);
    fields[changedName(resource.type)] = (
      _root,
      { id, after }: { id?: string; after?: string },
      context,
      info,
    ) => {
      const only = { type: resource.type, recordId: idIn(id) };
      return eventsOf(edge, feed, context, only, after, async (actor, events) => {
        const ids = [...new Set(events.map(({ recordId }) => recordId))];
        const rows = await edge.records.byId(
          actor,
          resource,
          ids,
          selected(edge, info, resource, [one]).attributes,
        );
        const records = new Map(rows.map((row) => [row.id, shown(resource, row)]));
        return events.map((event) => ({ ...event, [one]: records.get(event.recordId) ?? null }));
      });
    };
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, subscribe]) => [
      name,
      { subscribe, resolve: (event: unknown) => event },
    ]),
  );
}

async function eventsOf(
  edge: Edge,
  feed: EventFeed,
  { request }: GraphqlContext,
  only: { workspaceId?: string; type?: string; recordId?: string },
  after: string | undefined,
  payloads: (actor: Actor, events: FeedEvent[]) => Promise<object[]>,
): Promise<AsyncIterable<object>> {
  if (after != null && !isCursor(after)) throw malformed('after is no cursor of ours.');
  const type = only.type ?? 'events';
  const team = await asActor(edge, request, async (actor) => {
    if (!scopeAllows(actor, type, 'read')) throw forbidden(`This key may not read ${type}.`);
    return actor.teamId;
  });
  let cursor = after ?? (await asActor(edge, request, (actor) => feed.now(actor)));
  return following(
    (wake) => feed.listen(team, wake),
    () =>
      asActor(edge, request, async (actor) => {
        const events = await feed.after(actor, cursor, only);
        const items = await payloads(actor, await visible(edge, actor, events));
        cursor = events.at(-1)?.cursor ?? cursor;
        return { items, more: events.length === feedPage };
      }),
  );
}

/** The events of those records that the actor may read: by the record as the event tells it, or as it is now. */
async function visible(edge: Edge, actor: Actor, events: FeedEvent[]): Promise<FeedEvent[]> {
  const seen = new Set<FeedEvent>();
  for (const [type, some] of Map.groupBy(events, (event) => event.type)) {
    const resource = edge.known.get(type);
    if (!resource || !scopeAllows(actor, type, 'read')) continue;
    const may = await readerOf(edge, actor, resource, some);
    for (const event of some) if (may(event)) seen.add(event);
  }
  return events.filter((event) => seen.has(event));
}

async function readerOf(
  edge: Edge,
  actor: Actor,
  resource: Resource,
  events: readonly FeedEvent[],
): Promise<(event: FeedEvent) => boolean> {
  const policy = resource.policies.read!;
  if (!looksThrough(policy)) {
    return ({ recordId, data }) => ask(policy, actor, { ...(data as object), id: recordId });
  }
  const ids = [...new Set(events.map(({ recordId }) => recordId))];
  const rows = await edge.records.byId(actor, resource, ids, new Set());
  const found = new Set(rows.map(({ id }) => id));
  return ({ recordId }) => found.has(recordId);
}

async function outputsOf(
  edge: Edge,
  signals: Signals,
  { request }: GraphqlContext,
  runId: string,
  after: number,
): Promise<AsyncIterable<object>> {
  const runs = resourceOf(edge.known, 'task-runs');
  const outputs = resourceOf(edge.known, 'task-run-outputs');
  const id = idOf(runId);
  if (!id) throw notFound();
  if (after < 0) throw malformed('after is the number of an output.');
  const statusOf = async (actor: Actor) => {
    const row: Row = await edge.records.one(actor, runs, id);
    return valuesOf(runs, row).status as string;
  };
  await asActor(edge, request, statusOf);
  let seq = after;
  return following(
    (wake) => signals.listen(id, wake),
    () =>
      asActor(edge, request, async (actor) => {
        // The status is read first: what an ended run said is stored before it says that it has ended.
        const status = await statusOf(actor);
        const query = parseQuery(edge.known, outputs, {
          filter: { run: { id } },
          page: { size: outputsPage, after: String(seq) },
        });
        const page = await edge.records.page(actor, query);
        const items = page.rows.map((row) => shown(outputs, row));
        seq = Number(items.at(-1)?.seq ?? seq);
        const ended = !page.after && status !== 'queued' && status !== 'running';
        return { items, more: page.after, ended };
      }),
  );
}

/** Who did it, as a field that loads the person when it is asked for. */
function userOf(edge: Edge, { userId }: FeedEvent) {
  const users = resourceOf(edge.known, 'users');
  return async (_parameters: unknown, { loaders }: GraphqlContext, info: GraphQLResolveInfo) => {
    const row = userId
      ? await loaders.record(users, userId, selected(edge, info, users).attributes)
      : undefined;
    return row ? shown(users, row) : null;
  };
}

function idIn(given: string | undefined | null): string | undefined {
  if (given == null) return undefined;
  const id = idOf(given);
  if (!id) throw malformed('That is no id.');
  return id;
}
