import { messages } from '../../messages.ts';
import { navigate } from '../../router.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import { workspaces } from '../../services/workspaces.ts';
import { freePath } from './free-path.ts';
import { nameOf } from './paths.ts';

export type Creatable = 'document' | 'notebook' | 'folder';

const lastKey = 'kyozo.last-workspace';

/** The dialog that makes documents, notebooks and folders, from wherever it was asked for. */
class Creating {
  what: Creatable = $state('document');
  isOpen = $state(false);
  workspaceId = $state('');
  folder = $state('');

  /** Opens the dialog; without a workspace it proposes the one used last. */
  start(what: Creatable, workspaceId = localStorage.getItem(lastKey) ?? '', folder = ''): void {
    this.what = what;
    this.workspaceId = workspaceId;
    this.folder = folder;
    this.isOpen = true;
  }

  /** Makes it and goes there. A folder comes to be with its first file, so we only go there. */
  async create(name: string): Promise<void> {
    const title = name.trim().replaceAll('/', '-') || messages.files.namePlaceholder;
    const { workspaceId } = this;
    localStorage.setItem(lastKey, workspaceId);
    if (this.what === 'folder') await this.#visit(workspaceId, title);
    else await this.#write(workspaceId, title);
    this.isOpen = false;
  }

  async #visit(workspaceId: string, name: string): Promise<void> {
    const folder = this.folder ? `${this.folder}/${name}` : name;
    await navigate('/workspaces/:workspaceId', { params: { workspaceId }, search: { folder } });
  }

  async #write(workspaceId: string, title: string): Promise<void> {
    const fileName = /\.\w+$/u.test(title) ? title : `${title}.md`;
    const path = await freePath(workspaceId, this.folder, fileName);
    const heading = nameOf(path).replace(/\.\w+$/u, '');
    const content =
      this.what === 'notebook' ? messages.notebooks.template(heading) : `# ${heading}\n`;
    const file = await files.create({ workspaceId, path, content });
    void queryClient.invalidateQueries({ queryKey: ['files'] });
    await navigate('/files/:fileId', { params: { fileId: file.id } });
  }
}

export const creating = new Creating();

/** The workspace that new things go to unless someone says otherwise. */
export async function anyWorkspace(): Promise<string> {
  const all = await queryClient.fetchQuery(workspaces.list());
  const open = all.filter((workspace) => !workspace.archivedAt);
  const last = localStorage.getItem(lastKey);
  return open.find((workspace) => workspace.id === last)?.id ?? open[0]?.id ?? '';
}
