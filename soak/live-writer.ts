import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider';
import * as Y from 'yjs';
import type { Account } from './api-writer.ts';

const patience = 15_000;

/** Types into one document and keeps a ledger of what was shown as saved. */
export class LiveWriter {
  readonly #fileId: string;
  readonly #typed: string[] = [];
  #saved = 0;
  #count = 0;

  constructor(fileId: string) {
    this.#fileId = fileId;
  }

  get saved(): number {
    return this.#saved;
  }

  /** Types until `until` resolves; what is saved when the counter of unsaved changes is at nought counts. */
  async write(account: Account, pause: () => number, until: Promise<unknown>): Promise<void> {
    // What was not saved before the last kill may be gone: it was never shown as saved.
    this.#typed.length = this.#saved;
    const { provider, document, close } = await open(account, this.#fileId);
    let over = false;
    void until.then(() => {
      over = true;
    });
    provider.on('unsyncedChanges', ({ number }: { number: number }) => {
      if (number === 0) this.#saved = this.#typed.length;
    });
    const fragment = document.getXmlFragment('default');
    while (!over) {
      const token = `w${this.#count++}w`;
      this.#typed.push(token);
      const paragraph = new Y.XmlElement('paragraph');
      paragraph.insert(0, [new Y.XmlText(token)]);
      fragment.insert(fragment.length, [paragraph]);
      await new Promise((resolve) => setTimeout(resolve, pause()));
    }
    close();
  }

  /** Checks that everything that was shown as saved is in the document. @throws Error */
  async verify(account: Account): Promise<void> {
    const { document, close } = await open(account, this.#fileId);
    const text = document.getXmlFragment('default').toString();
    close();
    const lost = this.#typed.slice(0, this.#saved).filter((token) => !text.includes(token));
    if (lost.length > 0)
      throw new Error(
        `${lost.length} saved changes of ${this.#fileId} are gone: ${lost.slice(0, 5).join(', ')}`,
      );
  }
}

async function open(account: Account, name: string) {
  const document = new Y.Doc();
  const websocketProvider = new HocuspocusProviderWebsocket({
    url: `${account.url.replace('http', 'ws')}/collaboration`,
    maxAttempts: 1,
  });
  const provider = new HocuspocusProvider({
    websocketProvider,
    name,
    token: account.token,
    document,
  });
  provider.attach();
  const close = () => {
    provider.destroy();
    websocketProvider.destroy();
    document.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`The document ${name} did not open.`)),
      patience,
    );
    provider.on('synced', () => {
      clearTimeout(timer);
      resolve();
    });
  }).catch((error: unknown) => {
    close();
    throw error;
  });
  return { provider, document, close };
}
