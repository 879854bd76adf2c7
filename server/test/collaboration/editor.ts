import { HocuspocusProvider } from '@hocuspocus/provider';
import * as Y from 'yjs';

type Options = { document?: Y.Doc };

/** Somebody at a live document, as a browser is: a real provider with a Y.Doc of its own. */
export class Editor {
  readonly provider: HocuspocusProvider;
  /** The numbers of the `saved` messages, in order. */
  readonly saved: number[] = [];
  /** What the server said of the document to everybody in it. */
  readonly told: string[] = [];
  /** Why the server refused, or that it ended the connection. */
  refused: string | undefined;
  closed = false;

  constructor(url: string, token: string, fileId: string, { document }: Options = {}) {
    this.provider = new HocuspocusProvider({
      url: `${url.replace('http', 'ws')}/collaboration`,
      name: fileId,
      token,
      document: document ?? new Y.Doc(),
      onStateless: ({ payload }) => {
        const message = JSON.parse(payload) as { type: string; seq: number; reason: string };
        if (message.type === 'saved') this.saved.push(message.seq);
        else this.told.push(message.reason);
      },
      onAuthenticationFailed: ({ reason }) => {
        this.refused = reason;
      },
      onClose: () => {
        this.closed = true;
      },
    });
  }

  get document(): Y.Doc {
    return this.provider.document;
  }

  get fragment(): Y.XmlFragment {
    return this.document.getXmlFragment('default');
  }

  /** All text, a line a block. */
  get text(): string {
    return texts(this.fragment).map(plain).join('\n');
  }

  /** Whether the server has said of everything that was typed here that it is durable. */
  get isSaved(): boolean {
    return this.provider.isSynced && !this.provider.hasUnsyncedChanges;
  }

  /** Inserts at the start of a word of the text: a token that is typed stays whole whoever types. */
  type(token: string, at = 0): void {
    const [text] = texts(this.fragment);
    if (!text) throw new Error('There is no text to type into.');
    const starts = [0, ...[...plain(text).matchAll(/ /g)].map((match) => match.index + 1)];
    text.insert(starts[Math.floor(at * starts.length)]!, `${token} `);
  }

  leave(): void {
    this.provider.destroy();
    // Destroyed within a second of a lost connection, a provider connects again for ever.
    this.provider.configuration.websocketProvider.connect = async () => undefined;
  }
}

/** Opens a document and waits for its content. */
export async function open(
  url: string,
  token: string | undefined,
  fileId: string,
  options?: Options,
): Promise<Editor> {
  const editor = new Editor(url, token ?? '', fileId, options);
  await until(() => editor.isSaved || editor.refused !== undefined);
  return editor;
}

/** Waits until something has come true; the test's own time is the limit. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await pause(5);
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export function texts(node: Y.XmlFragment | Y.XmlElement): Y.XmlText[] {
  return node.toArray().flatMap((child) => {
    if (child instanceof Y.XmlText) return [child];
    return child instanceof Y.XmlElement ? texts(child) : [];
  });
}

const plain = (text: Y.XmlText): string =>
  (text.toDelta() as { insert: unknown }[])
    .map(({ insert }) => (typeof insert === 'string' ? insert : ''))
    .join('');
