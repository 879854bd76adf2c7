import { files } from '../../services/files.ts';
import { freeName, joinPath, partsOf } from './paths.ts';

/** A path in a folder that no file has yet: the name itself, or with a number behind it. */
export async function freePath(workspaceId: string, folder: string, name: string): Promise<string> {
  const taken = await files.namesLike(workspaceId, folder, partsOf(name).stem);
  return joinPath(folder, freeName(taken, name));
}
