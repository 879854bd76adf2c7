import { messages } from '../../messages.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import type { FileRecord } from '../../types/records.ts';
import { tellError } from '../../ui/toast/index.ts';
import { freePath } from '../files/free-path.ts';
import { nameOf, parentOf } from '../files/paths.ts';
import { targetOf } from './addresses.ts';

const pixel = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
const shown = /^image\/(png|jpeg|gif|webp|avif)$/u;

/**
 * Pictures of the workspace inside its documents. The browser cannot send our token with an
 * `img`, so they are read by the client and shown from memory.
 */
export class Pictures {
  readonly #file: FileRecord;
  readonly #workspaceId: string;
  readonly #addresses = new Map<string, string>();

  constructor(file: FileRecord) {
    this.#file = file;
    this.#workspaceId = file.workspace?.id ?? '';
  }

  /** The address to show for one in the text; a pixel until the picture is here. */
  resolve = (url: string): string => {
    if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/iu.test(url)) return url;
    const known = this.#addresses.get(url);
    if (known !== undefined) return known;
    this.#addresses.set(url, pixel);
    void this.#load(url);
    return pixel;
  };

  /** Stores a file beside the document; resolves to its address in the text. */
  upload = async (file: File): Promise<string> => {
    const folder = parentOf(this.#file.path);
    const path = await freePath(this.#workspaceId, folder, file.name || 'image.png');
    try {
      await this.#store(path, file);
    } catch (error) {
      tellError(messages.files.uploadFailed(file.name), error);
      throw error;
    } finally {
      void queryClient.invalidateQueries({ queryKey: ['files'] });
    }
    return encodeURIComponent(nameOf(path));
  };

  /** All of the file or nothing: an empty one would stay where the content was refused. */
  async #store(path: string, file: File): Promise<void> {
    const { id } = await files.create({ workspaceId: this.#workspaceId, path });
    try {
      await files.write(id, file);
    } catch (error) {
      await files
        .trash(id)
        .then(() => files.purge(id))
        .catch(() => undefined);
      throw error;
    }
  }

  close(): void {
    for (const address of this.#addresses.values()) URL.revokeObjectURL(address);
  }

  async #load(url: string): Promise<void> {
    const target = targetOf(this.#file.path, url);
    const file = target && (await files.at(this.#workspaceId, target.path));
    if (!file || !shown.test(file.contentType)) return;
    const address = URL.createObjectURL(await files.content(file.id));
    this.#addresses.set(url, address);
    for (const image of document.querySelectorAll<HTMLImageElement>('img[data-src]')) {
      if (image.dataset.src === url) image.src = address;
    }
  }
}
