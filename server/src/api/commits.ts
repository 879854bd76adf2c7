import { type Actor, malformed, notFound, requireScope } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { BranchReader } from '../workspaces/branch-changes.ts';
import type { Commit, CommitList, Place } from '../workspaces/branch-commits.ts';
import { workspace } from '../workspaces/workspace.ts';
import { asActor, type Edge } from './context.ts';
import { documentText, root } from './jsonapi/document.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';
import { sendChanges, textIn } from './send-changes.ts';

type WithId = FastifyRequest<{ Params: { id: string }; Querystring: Record<string, unknown> }>;
type WithCommit = FastifyRequest<{ Params: { id: string; commitId: string } }>;
type Parts = { database: Queries; reader: BranchReader; commits: CommitList };

/** `GET /workspaces/:id/commits`, one of them, and the files it changed against its first parent. */
export async function commits(app: FastifyInstance, edge: Edge, parts: Parts): Promise<void> {
  app.setErrorHandler(answerError);

  app.get('/workspaces/:id/commits', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const id = await workspaceIn(edge, actor, request);
      const size = sizeIn(request);
      const name = textIn(request, 'branchName') ?? 'main';
      const cursor = placeIn(request);
      if (cursor && !(await parts.commits.has(id, cursor.start))) throw noCursor();
      const place = cursor ?? (await startOf(parts.database, actor, id, name));
      const page = place ? await parts.commits.page(id, place, size) : { commits: [], more: false };
      const after = page.more && `${place!.start}.${place!.skip + size}`;
      const next = `${root}/workspaces/${id}/commits?branchName=${encodeURIComponent(name)}&page[size]=${size}&page[after]=${after}`;
      const links = { self: request.url, next: after ? next : null };
      return sendDocument(
        reply,
        documentText({
          data: JSON.stringify(await resourcesOf(parts, actor, page.commits)),
          links,
        }),
      );
    }),
  );

  app.get('/workspaces/:id/commits/:commitId', async (request: WithCommit, reply) =>
    asActor(edge, request, async (actor) => {
      const id = await workspaceIn(edge, actor, request);
      const commit = await parts.commits.one(id, commitIn(request));
      const links = { self: request.url };
      const [resource] = await resourcesOf(parts, actor, [commit]);
      return sendDocument(reply, documentText({ data: JSON.stringify(resource), links }));
    }),
  );

  app.get('/workspaces/:id/commits/:commitId/changes', async (request: WithCommit, reply) =>
    asActor(edge, request, async (actor) => {
      const workspaceId = await workspaceIn(edge, actor, request);
      const { id: head, parents } = await parts.commits.one(workspaceId, commitIn(request));
      const names = { before: parents[0] ?? '', after: head };
      const heads = { workspaceId, head, main: parents[0] ?? null, names };
      return sendChanges(parts.reader, actor, heads, request, reply);
    }),
  );
}

async function workspaceIn(edge: Edge, actor: Actor, request: WithId | WithCommit) {
  requireScope(actor, 'branches');
  const { id } = await edge.records.one(actor, workspace, idIn(request), new Set(['name']));
  return id;
}

function commitIn({ params }: WithCommit): string {
  if (!/^[0-9a-f]{40}$/.test(params.commitId)) throw notFound('There is no such commit.');
  return params.commitId;
}

/** Commits as resources, with the authors that may be shown. */
async function resourcesOf({ database }: Parts, actor: Actor, found: readonly Commit[]) {
  const all = JSON.stringify(found.map(({ authors }) => authors));
  const shown = await database.rows<Pick<Commit, 'authors'>>(
    actor,
    sql`select shown_authors(authors) as authors
      from jsonb_array_elements(${all}::jsonb) with ordinality as each (authors, place) order by place`,
  );
  return found.map(({ id, ...attributes }, at) => ({
    ...{ type: 'commits', id, attributes: { ...attributes, authors: shown[at]!.authors } },
  }));
}

/** Undefined in a workspace without a commit. @throws KyozoError `not_found` for no such branch */
async function startOf(
  database: Queries,
  actor: Actor,
  workspaceId: string,
  name: string,
): Promise<Place | undefined> {
  const [row] = await database.rows<{ head: string | null }>(
    actor,
    sql`select head from branches where workspace_id = ${workspaceId} and name = ${name}`,
  );
  if (!row) throw notFound('There is no such branch.');
  return row.head === null ? undefined : { start: row.head, skip: 0 };
}

function sizeIn(request: WithId): number {
  const text = textIn(request, 'page[size]');
  if (text === undefined) return 30;
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 100) return Number(text);
  throw malformed('page[size] must be a number from 1 to 100.', { parameter: 'page[size]' });
}

/** A page's cursor. Which branch its commit is of does not matter: every reader of a workspace may read all of it. */
function placeIn(request: WithId): Place | undefined {
  const text = textIn(request, 'page[after]');
  if (text === undefined) return undefined;
  const [, start, skip] = /^([0-9a-f]{40})\.(\d{1,9})$/.exec(text) ?? [];
  if (start && skip) return { start, skip: Number(skip) };
  throw noCursor();
}

const noCursor = () => malformed('page[after] is no cursor.', { parameter: 'page[after]' });
