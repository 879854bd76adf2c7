import FileIcon from '@lucide/svelte/icons/file';
import FileCode from '@lucide/svelte/icons/file-code';
import FileText from '@lucide/svelte/icons/file-text';
import Image from '@lucide/svelte/icons/image';
import Sheet from '@lucide/svelte/icons/sheet';
import Terminal from '@lucide/svelte/icons/square-terminal';
import type { FileRecord } from '../../types/records.ts';

export type Kind = 'document' | 'notebook' | 'code' | 'table' | 'image' | 'binary';

export const icons = {
  document: FileText,
  notebook: Terminal,
  code: FileCode,
  table: Sheet,
  image: Image,
  binary: FileIcon,
} satisfies Record<Kind, unknown>;

const textTypes = /^text\/|[/+](json|xml|yaml|toml|javascript|typescript|x-sh|sql|graphql)\b/u;
const shownImages = /^image\/(png|jpeg|gif|webp|avif)$/u;

/** What a file is to a person. */
export function kindOf({ path, contentType }: Pick<FileRecord, 'path' | 'contentType'>): Kind {
  if (/\.(livemd|ipynb)$/iu.test(path)) return 'notebook';
  if (/\.(md|mdx|markdown)$/iu.test(path)) return 'document';
  if (/\.(csv|tsv)$/iu.test(path)) return 'table';
  if (shownImages.test(contentType)) return 'image';
  return isText(contentType) ? 'code' : 'binary';
}

/** Whether the server opens it live: every text does, code and notebooks too. */
export function isText(contentType: string): boolean {
  return textTypes.test(contentType);
}
