import { closedTexts } from '../../messages/trash.ts';
import { messages } from '../../messages.ts';
import { queryClient } from '../../services/query-client.ts';
import { workspaces } from '../../services/workspaces.ts';
import type { Workspace } from '../../types/records.ts';
import { tellError, tellWithUndo } from '../../ui/toast/index.ts';

type Named = Pick<Workspace, 'id' | 'name'>;
const texts = messages.workspaces;

/** Archives a workspace or takes it back, and offers the way back. */
export async function setArchived(workspace: Named, archived: boolean): Promise<void> {
  try {
    await (archived ? workspaces.archive(workspace.id) : workspaces.unarchive(workspace.id));
    const text = archived ? texts.archived : texts.restored;
    tellWithUndo(text(workspace.name), () => void setArchived(workspace, !archived));
  } catch (error) {
    tellError(archived ? texts.archive : texts.restore, error);
  }
  refresh();
}

/** Moves a workspace to the trash and offers to bring it back. */
export async function trashWorkspace(workspace: Named): Promise<void> {
  try {
    await workspaces.trash(workspace.id);
    tellWithUndo(closedTexts.trashed(workspace.name), () => void bringBack(workspace.id));
  } catch (error) {
    tellError(closedTexts.trash, error);
  }
  refresh();
}

/** Brings a workspace back from the trash. */
export async function bringBack(id: string): Promise<void> {
  await workspaces.restore(id).catch((error: unknown) => tellError(texts.restore, error));
  refresh();
}

function refresh(): void {
  for (const type of ['workspaces', 'files'])
    void queryClient.invalidateQueries({ queryKey: [type] });
}
