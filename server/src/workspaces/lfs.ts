/** Git LFS in a workspace: pointers, and the content that they stand for. */
import type { Queries, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Backend } from '../storage/choose-backend.ts';

export type Pointer = { sha256: string; size: number };
export type LfsObject = Pointer & {
  storage_backend: Backend;
  address: string;
  home_backend: Backend | null;
};

const MAX_POINTER = 1024;
const POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-\d-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n$/;

/** Reads an LFS pointer; undefined for any other content. */
export function readPointer(bytes: Uint8Array): Pointer | undefined {
  if (bytes.length > MAX_POINTER) return undefined;
  const match = POINTER.exec(Buffer.from(bytes).toString('latin1'));
  return match ? { sha256: match[1]!, size: Number(match[2]) } : undefined;
}

/** The text that stands in the tree for content. */
export const pointerText = ({ sha256, size }: Pointer): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`;

/** Content of a workspace by its SHA-256: what was uploaded by LFS, or is a version of a file of it. */
export async function findObject(
  database: Pick<Queries, 'rows'>,
  tenant: Tenant,
  workspaceId: string,
  sha256: string,
): Promise<LfsObject | undefined> {
  const [found] = await database.rows<LfsObject>(
    tenant,
    sql`select sha256, size, storage_backend, address, home_backend from lfs_objects
        where team_id = ${tenant.teamId} and workspace_id = ${workspaceId} and sha256 = ${sha256}
      union all (select v.sha256, v.size, v.storage_backend, v.address, v.home_backend
        from file_versions v join files f on f.team_id = v.team_id and f.id = v.file_id
        where v.team_id = ${tenant.teamId} and v.sha256 = ${sha256} and f.workspace_id = ${workspaceId} limit 1)
      limit 1`,
  );
  return found;
}
