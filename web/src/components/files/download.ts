import { messages } from '../../messages.ts';
import { files } from '../../services/files.ts';
import type { FileRecord } from '../../types/records.ts';
import { tellError } from '../../ui/toast/index.ts';

/** Saves a file's bytes to the device. A plain link would not carry the Authorization header. */
export async function downloadFile({ id, name }: FileRecord): Promise<void> {
  try {
    const url = URL.createObjectURL(await files.content(id));
    const link = Object.assign(document.createElement('a'), { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    tellError(messages.common.download, error);
  }
}
