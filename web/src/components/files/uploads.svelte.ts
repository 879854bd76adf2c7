import { ApiError, readableError } from '../../services/errors.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';

export type Upload = {
  id: number;
  workspaceId: string;
  path: string;
  file: File;
  status: 'waiting' | 'sending' | 'done' | 'failed';
  problem: string;
};

const atOnce = 3;
/** Larger files are made empty first and sent as raw bytes, which spares them the base64. */
const largestInline = 1024 * 1024;

/** Files on their way to the server. It lives as long as the app, so navigation does not end it. */
class Uploads {
  list: Upload[] = $state([]);
  #lastId = 0;
  #sending = 0;

  readonly done = $derived(this.list.filter((upload) => upload.status === 'done').length);
  readonly failed = $derived(this.list.filter((upload) => upload.status === 'failed').length);
  readonly isBusy = $derived(this.done + this.failed < this.list.length);
  readonly percent = $derived.by(() => {
    const weight = (upload: Upload) => upload.file.size + 1;
    const all = this.list.reduce((sum, upload) => sum + weight(upload), 0);
    const over = this.list.filter((each) => each.status === 'done' || each.status === 'failed');
    return all && Math.round((over.reduce((sum, each) => sum + weight(each), 0) / all) * 100);
  });

  add(workspaceId: string, entries: readonly { path: string; file: File }[]): void {
    if (!this.isBusy) this.list = [];
    for (const { path, file } of entries) {
      this.#lastId += 1;
      this.list.push({ id: this.#lastId, workspaceId, path, file, status: 'waiting', problem: '' });
    }
    this.#next();
  }

  retryFailed(): void {
    for (const upload of this.list) if (upload.status === 'failed') upload.status = 'waiting';
    this.#next();
  }

  clear(): void {
    this.list = this.isBusy ? this.list.filter((upload) => upload.status !== 'done') : [];
  }

  #next(): void {
    while (this.#sending < atOnce) {
      const upload = this.list.find((each) => each.status === 'waiting');
      if (!upload) return;
      this.#sending += 1;
      void this.#send(upload);
    }
  }

  async #send(upload: Upload): Promise<void> {
    upload.status = 'sending';
    try {
      await store(upload);
      upload.status = 'done';
    } catch (error) {
      upload.status = 'failed';
      upload.problem = readableError(error);
    }
    this.#sending -= 1;
    if (!this.isBusy) void queryClient.invalidateQueries({ queryKey: ['files'] });
    this.#next();
  }
}

export const uploads = new Uploads();

/** Makes the file, or a new version of the one that already has its path. */
async function store({ workspaceId, path, file }: Upload): Promise<void> {
  const known = queryClient
    .getQueryData(files.inWorkspace(workspaceId).queryKey)
    ?.find((each) => each.path === path);
  if (known) return files.write(known.id, file);
  if (file.size <= largestInline) {
    await files.create({ workspaceId, path, content: await base64(file), encoding: 'base64' });
  } else {
    const made = await files.create({ workspaceId, path });
    await files.write(made.id, file).catch(async (error: unknown) => {
      if (error instanceof ApiError) await files.trash(made.id).catch(() => undefined);
      throw error;
    });
  }
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
