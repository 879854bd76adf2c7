/** What git says of branches, kept beside them until they or `main` move. */
import type { Queries, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Spawner } from '../spawn/spawner.ts';
import type { Storages } from '../storage/storages.ts';
import type { PushContents } from './push-contents.ts';
import { ask } from './push-git.ts';

type Unknown = { workspace_id: string; name: string; head: string; main: string | null };
type Parts = {
  database: Queries;
  storages: Storages;
  spawner: Spawner;
  contents: PushContents;
  log: (error: unknown) => void;
};

/** Branches that one read works out; the others say null until they are read again. */
const MOST_BRANCHES = 50;
const MOST_COMMITS = 10_000;

export class BranchFacts {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Works out what is not known of the team's branches, first of those with these ids or workspaces. */
  async freshen({ teamId }: Tenant, wanted: readonly string[] = []): Promise<void> {
    const rows = await this.#parts.database.rows<Unknown>(
      { teamId },
      sql`select workspace_id, name, head, main from branches where head is not null and not is_known
        order by (id = any(${wanted}) or workspace_id = any(${wanted})) desc limit ${MOST_BRANCHES}`,
    );
    // What cannot be worked out stays unknown; the branches are shown all the same.
    for (const row of rows) await this.#learn({ teamId }, row).catch(this.#parts.log);
  }

  async #learn(tenant: Tenant, row: Unknown): Promise<void> {
    const { workspace_id: workspaceId, name, head, main } = row;
    const { ahead, behind } = await this.#count(row);
    const { message, authors, at } = await this.#parts.contents.about(workspaceId, head);
    await this.#parts.database.rows(
      tenant,
      sql`insert into branch_facts
          (team_id, workspace_id, name, head, main, ahead, behind, message, authors, committed_at)
        values (${tenant.teamId}, ${workspaceId}, ${name}, ${head}, ${main}, ${ahead}, ${behind},
          ${message}, ${JSON.stringify(authors)}, ${at?.toISOString() ?? null})
        on conflict (team_id, workspace_id, name) do update set head = excluded.head,
          main = excluded.main, ahead = excluded.ahead, behind = excluded.behind,
          message = excluded.message, authors = excluded.authors, committed_at = excluded.committed_at`,
    );
  }

  async #count({ workspace_id, head, main }: Unknown): Promise<{ ahead: number; behind: number }> {
    if (head === main) return { ahead: 0, behind: 0 };
    const view = { repository: this.#parts.storages.git.folder(workspace_id) };
    const range = main === null ? [head] : ['--left-right', `${main}...${head}`];
    const args = ['rev-list', '--count', `--max-count=${MOST_COMMITS}`, ...range, '--'];
    const [line] = await ask(this.#parts.spawner, view, args);
    const counts = (line ?? '').split('\t').map(Number);
    return main === null
      ? { ahead: counts[0]!, behind: 0 }
      : { ahead: counts[1]!, behind: counts[0]! };
  }
}
