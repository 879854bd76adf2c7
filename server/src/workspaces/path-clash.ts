import { type Actor, invalid, KyozoError } from '@kyozo/resource';
import type { Queries } from '../database/database.ts';
import { sql } from '../database/sql.ts';

const source = { pointer: '/data/attributes/path' };

/**
 * Tells why a path is taken: the very same path is a conflict, which may pass; one that differs only
 * in case or normalisation, or a file where a folder is, is a path that cannot be. For `.catch(…)`.
 */
export const explainClash =
  (database: Queries, actor: Actor, workspaceId: string, path: string) =>
  async (error: unknown): Promise<never> => {
    const taken = error instanceof KyozoError && error.source?.pointer === source.pointer;
    if (!taken || error.code !== 'conflict') throw error;
    const same = await database.rows(
      actor,
      sql`select id from files where workspace_id = ${workspaceId} and path = ${path} and deleted_at is null`,
    );
    if (same.length > 0) throw error;
    throw invalid(
      'The path is that of another file but for case or form, or a folder is where a file would be.',
      source,
    );
  };
