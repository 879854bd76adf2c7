import { type Actor, malformed, notFound, requireScope } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { branch } from '../workspaces/branch.ts';
import type { BranchReader, Heads } from '../workspaces/branch-changes.ts';
import type { CommitList, Place } from '../workspaces/branch-commits.ts';
import { workspace } from '../workspaces/workspace.ts';
import { asActor, type Edge } from './context.ts';
import { documentText, metaText, root } from './jsonapi/document.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError, sendDocument } from './jsonapi/routes.ts';

type WithId = FastifyRequest<{ Params: { id: string }; Querystring: Record<string, unknown> }>;
type Parts = { database: Queries; reader: BranchReader; commits: CommitList };

/** `GET /branches/:id/changes`: what a branch holds, or one file's diff; `GET /workspaces/:id/commits`. */
export async function branches(app: FastifyInstance, edge: Edge, parts: Parts): Promise<void> {
  app.setErrorHandler(answerError);

  app.get('/branches/:id/changes', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const row = await edge.records.one(actor, branch, idIn(request), new Set(['name']));
      const heads = await headsOf(parts.database, actor, row.id);
      const path = textIn(request, 'filePath');
      if (path !== undefined) {
        const text = await parts.reader.diff(actor, heads, path);
        return reply
          .headers({ 'cache-control': 'private, no-cache', vary: 'Authorization, Kyozo-Team' })
          .type('text/x-diff; charset=utf-8')
          .send(text);
      }
      const { base, files, total } = await parts.reader.changes(heads);
      return sendDocument(reply, metaText({ base, head: heads.head, files, total }));
    }),
  );

  app.get('/workspaces/:id/commits', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      requireScope(actor, 'branches');
      const { id } = await edge.records.one(actor, workspace, idIn(request), new Set(['name']));
      const size = sizeIn(request);
      const name = textIn(request, 'branchName') ?? 'main';
      const cursor = placeIn(request);
      if (cursor && !(await parts.commits.has(id, cursor.start))) throw noCursor();
      const place = cursor ?? (await startOf(parts.database, actor, id, name));
      const { commits, more } = place
        ? await parts.commits.page(id, place, size)
        : { commits: [], more: false };
      const data = commits.map(({ id: commit, ...attributes }) => ({
        ...{ type: 'commits', id: commit, attributes },
      }));
      const after = more && `${place!.start}.${place!.skip + size}`;
      const next = `${root}/workspaces/${id}/commits?branchName=${encodeURIComponent(name)}&page[size]=${size}&page[after]=${after}`;
      const links = { self: request.url, next: after ? next : null };
      return sendDocument(reply, documentText({ data: JSON.stringify(data), links }));
    }),
  );
}

async function headsOf(database: Queries, actor: Actor, id: string): Promise<Heads> {
  const [row] = await database.rows<{
    workspace_id: string;
    head: string | null;
    main: string | null;
  }>(actor, sql`select workspace_id, head, main from branches where id = ${id}`);
  if (!row) throw notFound();
  if (row.head === null) throw notFound('The workspace has no commit yet.');
  return { workspaceId: row.workspace_id, head: row.head, main: row.main };
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

function textIn(request: WithId, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw malformed(`${name} must be given once.`, { parameter: name });
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
