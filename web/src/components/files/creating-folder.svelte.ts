import { navigate } from '../../router.ts';
import { joinPath } from './paths.ts';

/** The dialog that names a new folder. A folder exists from its first file, so it only goes there. */
class CreatingFolder {
  isOpen = $state(false);
  #workspaceId = '';
  #parent = '';

  start(workspaceId: string, parent: string): void {
    this.#workspaceId = workspaceId;
    this.#parent = parent;
    this.isOpen = true;
  }

  async create(name: string): Promise<void> {
    const folder = joinPath(this.#parent, name);
    const params = { workspaceId: this.#workspaceId };
    await navigate('/workspaces/:workspaceId', { params, search: { folder } });
    this.isOpen = false;
  }
}

export const creatingFolder = new CreatingFolder();
