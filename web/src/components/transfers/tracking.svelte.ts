import { messages } from '../../messages.ts';
import { queryClient } from '../../services/query-client.ts';
import { transfers } from '../../services/transfers.ts';
import { tellError } from '../../ui/toast/index.ts';
import { panel } from '../files/panel.svelte.ts';

export type Tracked = {
  id: string;
  kind: 'import' | 'export';
  /** Of the archive that comes in, or of the workspace that goes out. */
  name: string;
  workspaceId: string;
};

/** The archives that were begun on this page, as the panel shows them. */
class Tracking {
  list: Tracked[] = $state.raw([]);

  follow(id: string, kind: Tracked['kind'], name: string, workspaceId: string): void {
    this.list = [{ id, kind, name, workspaceId }, ...this.list];
    panel.isOpen = true;
    void queryClient.invalidateQueries({ queryKey: ['transfers', 'recent'] });
  }

  /** Packs a workspace in the background. */
  async export(workspaceId: string, name: string): Promise<void> {
    try {
      const { id } = await transfers.startExport(workspaceId);
      this.follow(id, 'export', name, workspaceId);
    } catch (error) {
      tellError(messages.transfers.started, error);
    }
  }

  forget(id: string): void {
    this.list = this.list.filter((each) => each.id !== id);
  }

  clear(): void {
    this.list = [];
  }
}

export const tracking = new Tracking();
