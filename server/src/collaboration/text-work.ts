import { type Cell, cells } from '@kyozo/markdown';
import * as Y from 'yjs';
import { type Change, changeTo, seed, textOf } from './document-text.ts';

/**
 * The work that a text or a document costs, as functions of plain values: they run in a worker, or in
 * the server's thread where the input is small. Documents are their states, as Yjs updates.
 */
export const textWork = {
  /** The cells of a Markdown text. */
  cells: (text: string): Cell[] => cells(text),

  /** The document of a text; `path` says whether it is Markdown. */
  seed(path: string, text: string): Uint8Array {
    return withDocument([], (document) => {
      seed(document, path, text);
      return Y.encodeStateAsUpdate(document);
    });
  },

  /** The text of a document; what did not change keeps the bytes of `base`. */
  write: (state: Uint8Array, path: string, base: string): string =>
    withDocument([state], (document) => textOf(document, path, base)),

  /** Milliseconds that it takes to apply an update to a document. */
  apply: (state: Uint8Array, update: Uint8Array): number =>
    withDocument([state], (document) => {
      const start = performance.now();
      Y.applyUpdate(document, update);
      return performance.now() - start;
    }),

  /** What turns the document of `state` into `text`. */
  change: (state: Uint8Array, path: string, text: string): Change => changeTo(state, path, text),

  /**
   * What turns a live document, `now`, into one of another kind: of Markdown into one of source or back.
   * @param change what does so with the document of exactly `base`
   * @param to a path of the new kind; `base` is also what the file then says
   */
  convert: (
    now: Uint8Array,
    change: Uint8Array,
    from: string,
    to: string,
    base: string,
  ): Uint8Array =>
    withDocument([now], (document) => {
      const typed = textOf(document, from, base);
      const before = Y.encodeStateVector(document);
      Y.applyUpdate(document, change);
      // What was typed into the old nodes went with them.
      Y.applyUpdate(document, changeTo(Y.encodeStateAsUpdate(document), to, typed).update);
      return Y.encodeStateAsUpdate(document, before);
    }),
};

export type TextWork = typeof textWork;

function withDocument<Result>(states: Uint8Array[], use: (document: Y.Doc) => Result): Result {
  const document = new Y.Doc();
  try {
    for (const state of states) Y.applyUpdate(document, state);
    return use(document);
  } finally {
    document.destroy();
  }
}
