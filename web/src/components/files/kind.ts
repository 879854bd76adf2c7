import BookText from '@lucide/svelte/icons/book-text';
import FileIcon from '@lucide/svelte/icons/file';
import FileCode from '@lucide/svelte/icons/file-code';
import FileMusic from '@lucide/svelte/icons/file-music';
import FileText from '@lucide/svelte/icons/file-text';
import FileVideo from '@lucide/svelte/icons/file-video-camera';
import Image from '@lucide/svelte/icons/image';
import Sheet from '@lucide/svelte/icons/sheet';
import Terminal from '@lucide/svelte/icons/square-terminal';
import type { FileRecord } from '../../types/records.ts';

export type Kind =
  | 'document'
  | 'notebook'
  | 'code'
  | 'table'
  | 'image'
  | 'audio'
  | 'video'
  | 'pdf'
  | 'binary';

export const icons = {
  document: FileText,
  notebook: Terminal,
  code: FileCode,
  table: Sheet,
  image: Image,
  audio: FileMusic,
  video: FileVideo,
  pdf: BookText,
  binary: FileIcon,
} satisfies Record<Kind, unknown>;

const textTypes = /^text\/|[/+](json|xml|yaml|toml|javascript|typescript|x-sh|sql|graphql)\b/u;
const shownImages = /^image\/(png|jpeg|gif|webp|avif)$/u;
/** What browsers play; one that cannot says so in the player. */
const played =
  /^(audio|video)\/(mpeg|mp4|ogg|webm|wav|x-wav|vnd\.wave|flac|x-flac|aac|x-m4a|quicktime)$/u;

/** What a file is to a person. */
export function kindOf({ path, contentType }: Pick<FileRecord, 'path' | 'contentType'>): Kind {
  if (/\.(livemd|ipynb)$/iu.test(path)) return 'notebook';
  if (/\.(md|mdx|markdown)$/iu.test(path)) return 'document';
  if (/\.(csv|tsv)$/iu.test(path)) return 'table';
  if (shownImages.test(contentType)) return 'image';
  if (contentType === 'application/pdf') return 'pdf';
  const sound = played.exec(contentType)?.[1];
  if (sound) return sound as 'audio' | 'video';
  return isText(contentType) ? 'code' : 'binary';
}

/** Whether the server opens it live: every text does, code and notebooks too. */
export function isText(contentType: string): boolean {
  return textTypes.test(contentType);
}
