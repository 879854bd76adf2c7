import { flushSync } from 'svelte';
import { draftTexts } from '../../messages/draft.ts';
import { messages } from '../../messages.ts';
import { navigate } from '../../router.ts';
import { OfflineError, readableError } from '../../services/errors.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import type { FileRecord } from '../../types/records.ts';
import { wantFocus } from '../../ui/focus.ts';
import { tell, tellError } from '../../ui/toast/index.ts';
import { createUntitled, type Untitled } from './untitled.ts';

/** A text on its way into a file. What was pasted into it is Markdown, other text is typed. */
type Kept = Untitled & { text: string; isPasted: boolean };
type Take = (text: string, kind: Untitled['kind'], isPasted: boolean) => void;

const keptKey = 'kyozo.drafts';

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
  #isPasted = false;
  /** Texts of pads that were left, until they are in their files. */
  #left: Kept[] = [];
  /** Those of them that could not be written: the next pad has them. */
  #lost: Kept[] = [];

  /** Opens the pad with the caret in it. A phone shows its keyboard only while it handles the tap. */
  start(kind: Untitled['kind'], workspaceId = '', folder = ''): void {
    if (!this.isOpen) {
      const untitled = { kind, workspaceId, folder };
      this.#open({ ...untitled, ...joined(this.#lost.splice(0)) });
    }
    this.pad?.focus();
  }

  /** Opens the pad again after a reload in the middle of it. */
  resume(): void {
    if (this.isOpen || this.#left.length > 0) return;
    const drafts = kept();
    const last = drafts.at(-1);
    if (last) this.#open({ ...last, ...joined(drafts) });
  }

  keep(): void {
    const open = this.isOpen ? [this.#kept()] : [];
    const drafts = [...this.#lost, ...this.#left, ...open];
    try {
      if (drafts.length > 0) sessionStorage.setItem(keptKey, JSON.stringify(drafts));
      else sessionStorage.removeItem(keptKey);
    } catch {
      // Too large for the browser: the text is in the pad all the same.
    }
  }

  paste(): void {
    this.#isPasted = true;
  }

  compose(isComposing: boolean): void {
    this.#isComposing = isComposing;
  }

  create = async (): Promise<void> => {
    this.problem = '';
    const created = createUntitled(this.#untitled);
    this.#created = created;
    try {
      const { id } = await created;
      void queryClient.invalidateQueries({ queryKey: ['files'] });
      if (this.#created !== created) return;
      this.fileId = id;
      await navigate('/files/:fileId', { params: { fileId: id } });
    } catch (error) {
      if (this.#created !== created) return;
      this.problem = error instanceof OfflineError ? draftTexts.offline : readableError(error);
    }
  };

  /**
   * Hands the text to the file's editor and closes the pad, within one task: no key falls between. Not
   * while an input method composes.
   */
  pour(fileId: string, take: Take): void {
    if (!this.isOpen || fileId !== this.fileId || this.#isComposing) return;
    take(this.text, this.#untitled.kind, this.#isPasted);
    this.#close();
  }

  /**
   * Closes the pad because the person went elsewhere; its text becomes the content of the file. Another
   * pad may be open before it has.
   */
  async leave(): Promise<void> {
    const created = this.#created!;
    const left = this.#kept();
    if (left.text !== '') this.#left.push(left);
    this.#close();
    if (left.text === '') return;
    try {
      const { id, path } = await created;
      await files.write(id, new File([contentOf(left)], path, { type: 'text/markdown' }));
      tell(draftTexts.kept(path));
    } catch (error) {
      this.#lost.push(left);
      tellError(draftTexts.failed, error);
    }
    this.#left = this.#left.filter((one) => one !== left);
    this.keep();
  }

  #kept(): Kept {
    return { ...this.#untitled, text: this.text, isPasted: this.#isPasted };
  }

  #open({ text, isPasted, ...untitled }: Kept): void {
    this.#untitled = untitled;
    this.text = text;
    this.#isPasted = isPasted;
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
    this.#isComposing = false;
    this.#created = undefined;
    this.keep();
  }
}

/** The content of a file that no editor was open for. A notebook's text is its title. */
const contentOf = ({ kind, text }: Kept): string =>
  kind === 'notebook' ? messages.notebooks.template(text) : text;

function joined(drafts: readonly Kept[]): Pick<Kept, 'text' | 'isPasted'> {
  const text = drafts.map((draft) => draft.text).join('\n\n');
  return { text, isPasted: drafts.length > 1 || drafts.some(({ isPasted }) => isPasted) };
}

function kept(): Kept[] {
  return JSON.parse(sessionStorage.getItem(keptKey) ?? '[]') as Kept[];
}

export const draft = new Draft();
