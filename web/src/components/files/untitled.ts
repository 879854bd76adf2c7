import { messages } from '../../messages.ts';
import { ApiError } from '../../services/errors.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import { workspaces } from '../../services/workspaces.ts';
import type { FileRecord } from '../../types/records.ts';
import { freePath } from './free-path.ts';
import { nameOf, partsOf } from './paths.ts';

export type Untitled = { kind: 'document' | 'notebook'; workspaceId: string; folder: string };

const lastKey = 'kyozo.last-workspace';
const mostTries = 3;

/**
 * Creates an empty document or a first notebook under the next free name. Without a workspace it goes to
 * the one used last; a team without any gets its first. @throws ApiError, OfflineError
 */
export async function createUntitled({ kind, workspaceId, folder }: Untitled): Promise<FileRecord> {
  const id = workspaceId || (await anyWorkspace()) || (await createWorkspace());
  localStorage.setItem(lastKey, id);
  for (let tries = 1; ; tries += 1) {
    const path = await freePath(id, folder, `${messages.files.untitled}.md`);
    const { stem } = partsOf(nameOf(path));
    const content = kind === 'notebook' ? messages.notebooks.template(stem) : '';
    try {
      return await files.create({ workspaceId: id, path, content });
    } catch (error) {
      // Somebody else took the name meanwhile.
      if (!isTaken(error) || tries === mostTries) throw error;
    }
  }
}

/** The workspace for new files unless somebody names one; `''` where there is none. */
export async function anyWorkspace(): Promise<string> {
  const all = await queryClient.fetchQuery(workspaces.list());
  const open = all.filter((workspace) => !workspace.archivedAt);
  const last = localStorage.getItem(lastKey);
  return open.find((workspace) => workspace.id === last)?.id ?? open[0]?.id ?? '';
}

async function createWorkspace(): Promise<string> {
  const { id } = await workspaces.create(messages.first.workspace);
  void queryClient.invalidateQueries({ queryKey: ['workspaces'] });
  return id;
}

function isTaken(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.errors.some(({ source }) => source?.pointer === '/data/attributes/path')
  );
}
