import { messages } from '../../messages.ts';
import { send } from '../../services/client.ts';
import { transfers } from '../../services/transfers.ts';
import type { FileRecord, Transfer } from '../../types/records.ts';
import { tellError } from '../../ui/toast/index.ts';

/** Bytes up to which a download may pass through memory, which asks nothing of the person. */
const inMemory = 32 * 2 ** 20;

type SavePicker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
const picker = (globalThis as { showSaveFilePicker?: SavePicker }).showSaveFilePicker;

/** Saves a file's bytes to the device. */
export async function downloadFile({ id, name, size }: FileRecord): Promise<void> {
  await save(`/files/${id}/content`, name, size).catch((error: unknown) =>
    tellError(messages.common.download, error),
  );
}

/** Saves an archive that was exported. @throws ApiError 404 when it is no longer kept */
export async function downloadArchive({ id, size }: Transfer, name: string): Promise<void> {
  await save(transfers.contentPath(id), name, size ?? 0);
}

/** Whether a download of so many bytes can begin without a click. */
export function isUnasked(size: number): boolean {
  return size <= inMemory || !picker;
}

/**
 * A plain link would not carry the Authorization header. What is large goes to the disk as it comes
 * where the browser lets us write there, else through memory.
 */
async function save(path: string, name: string, size: number): Promise<void> {
  if (isUnasked(size)) return offer(await (await send(path)).blob(), name);
  // First, while the click still counts.
  const handle = await picker!({ suggestedName: name }).catch(unlessLeft);
  if (!handle) return;
  const { body } = await send(path);
  // What breaks off is not kept: the file comes to be when the stream is closed.
  await body!.pipeTo(await handle.createWritable());
}

function offer(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Who closes the dialog wants nothing, which is no failure. */
function unlessLeft(error: unknown): undefined {
  if (error instanceof DOMException && error.name === 'AbortError') return undefined;
  throw error;
}
