import { messages } from '../messages.ts';
import { files } from '../services/files.ts';
import { workspaces } from '../services/workspaces.ts';
import notebook from './notebook.md?raw';
import rainfall from './rainfall.csv?raw';
import welcome from './welcome.md?raw';

/** Gives a new account one workspace that teaches by doing, so that no first screen is empty. */
export async function seedFirstWorkspace(): Promise<void> {
  const { id: workspaceId } = await workspaces.create(messages.first.workspace);
  await files.create({ workspaceId, path: 'Data/Rainfall.csv', content: rainfall });
  await files.create({ workspaceId, path: 'Notebook.md', content: notebook });
  await files.create({ workspaceId, path: 'Welcome.md', content: welcome });
}
