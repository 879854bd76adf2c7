import { flushSync } from 'svelte';
import { draftTexts } from '../../messages/draft.ts';
import { navigate } from '../../router.ts';
import { OfflineError, readableError } from '../../services/errors.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import type { FileRecord } from '../../types/records.ts';
import { wantFocus } from '../../ui/focus.ts';
import { tell, tellError } from '../../ui/toast/index.ts';
import { createUntitled, type Untitled } from './untitled.ts';

type Kept = Untitled & { text: string };

const keptKey = 'kyozo.draft';

/**
 * A new document takes text from the moment that somebody asks for it: a plain pad holds the text until
 * the file exists and its editor is open. A reload does not lose the text.
 */
class Draft {
  isOpen = $state(false);
  text = $state('');
  /** A sentence for the person: the document could not be created. */
  problem = $state('');
  pad: HTMLTextAreaElement | undefined;
  fileId = $state('');
  #untitled: Untitled = { kind: 'document', workspaceId: '', folder: '' };
  #created: Promise<FileRecord> | undefined;
  #isComposing = $state(false);

  /** Opens the pad with the caret in it. A phone shows its keyboard only while it handles the tap. */
  start(kind: Untitled['kind'], workspaceId = '', folder = ''): void {
    if (!this.isOpen) this.#open({ kind, workspaceId, folder, text: kept()?.text ?? '' });
    this.pad?.focus();
  }

  /** Opens the pad again after a reload in the middle of it. */
  resume(): void {
    const draft = kept();
    if (draft && !this.isOpen) this.#open(draft);
  }

  keep(): void {
    try {
      sessionStorage.setItem(keptKey, JSON.stringify({ ...this.#untitled, text: this.text }));
    } catch {
      // Too large for the browser: the text is in the pad all the same.
    }
  }

  compose(isComposing: boolean): void {
    this.#isComposing = isComposing;
  }

  create = async (): Promise<void> => {
    this.problem = '';
    this.#created = createUntitled(this.#untitled);
    try {
      const { id } = await this.#created;
      void queryClient.invalidateQueries({ queryKey: ['files'] });
      if (!this.isOpen) return;
      this.fileId = id;
      await navigate('/files/:fileId', { params: { fileId: id } });
    } catch (error) {
      this.problem = error instanceof OfflineError ? draftTexts.offline : readableError(error);
    }
  };

  /**
   * Hands the text to the file's editor and closes the pad, within one task: no key falls between. Not
   * while an input method composes.
   */
  pour(fileId: string, take: (text: string, kind: Untitled['kind']) => void): void {
    if (!this.isOpen || fileId !== this.fileId || this.#isComposing) return;
    take(this.text, this.#untitled.kind);
    this.#close();
  }

  /** Closes the pad because the person went elsewhere; its text becomes the content of the file. */
  async leave(): Promise<void> {
    const { text } = this;
    this.isOpen = false;
    if (text === '') {
      this.#close();
      return;
    }
    try {
      const { id, path } = await this.#created!;
      await files.write(id, new File([text], path, { type: 'text/markdown' }));
      this.#close();
      tell(draftTexts.kept(path));
    } catch (error) {
      tellError(draftTexts.failed, error);
    }
  }

  #open({ text, ...untitled }: Kept): void {
    this.#untitled = untitled;
    this.text = text;
    this.fileId = '';
    this.isOpen = true;
    flushSync();
    wantFocus(this.pad);
    void this.create();
  }

  #close(): void {
    wantFocus(undefined);
    this.isOpen = false;
    this.text = '';
    sessionStorage.removeItem(keptKey);
  }
}

function kept(): Kept | undefined {
  const text = sessionStorage.getItem(keptKey);
  return text ? (JSON.parse(text) as Kept) : undefined;
}

export const draft = new Draft();
