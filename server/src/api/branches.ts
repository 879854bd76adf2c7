import { type Actor, notFound } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { branch } from '../workspaces/branch.ts';
import type { BranchReader, Heads } from '../workspaces/branch-changes.ts';
import { asActor, type Edge } from './context.ts';
import { idIn } from './jsonapi/read.ts';
import { answerError } from './jsonapi/routes.ts';
import { sendChanges } from './send-changes.ts';

type WithId = FastifyRequest<{ Params: { id: string } }>;
type Parts = { database: Queries; reader: BranchReader };

/** `GET /branches/:id/changes`: what a branch holds, or one file's diff. */
export async function branches(app: FastifyInstance, edge: Edge, parts: Parts): Promise<void> {
  app.setErrorHandler(answerError);

  app.get('/branches/:id/changes', async (request: WithId, reply) =>
    asActor(edge, request, async (actor) => {
      const row = await edge.records.one(actor, branch, idIn(request), new Set(['name']));
      const heads = await headsOf(parts.database, actor, row.id);
      return sendChanges(parts.reader, actor, heads, request, reply);
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
  const names = { before: 'main', after: 'branch' };
  return { workspaceId: row.workspace_id, head: row.head, main: row.main, names };
}
