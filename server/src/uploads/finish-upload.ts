import type { Actor } from '@kyozo/resource';
import type { Transfers } from '../archives/transfers.ts';
import type { Workspaces } from '../workspaces/actions.ts';
import { putAtPath } from '../workspaces/put-at-path.ts';
import type { Upload } from './upload-store.ts';

type Parts = {
  transfers: Transfers;
  workspaces: Workspaces;
  changed: (teamId: string) => void;
};

/** An archive is unpacked where it would lie. */
export const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0));

/**
 * Makes of a complete upload a file, or an import that begins; answers the address of that. Cut off,
 * it is done again when the last piece comes again: equal content makes no second version, and an
 * import has the id of its upload, so that it begins once.
 */
export const finishUpload =
  ({ transfers, workspaces, changed }: Parts) =>
  async (actor: Actor, upload: Upload, body: AsyncIterable<Uint8Array>): Promise<string> => {
    const { id, workspaceId, path, contentType, length: size } = upload;
    if (upload.purpose === 'import') {
      const folderPath = folderOf(path);
      if (await transfers.has(actor, id)) await drain(body);
      else {
        const archive = await transfers.write(actor, body);
        await transfers.start(actor, 'import', workspaceId, { ...archive, folderPath }, id);
      }
      return `/api/v1/transfers/${id}`;
    }
    const said = { contentType: contentType ?? undefined, size };
    const put = await putAtPath(workspaces, actor, { workspaceId, path }, body, said);
    changed(actor.teamId);
    return `/api/v1/files/${put.id}`;
  };

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}
