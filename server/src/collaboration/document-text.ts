import {
  carryMarks,
  isMarkdown,
  languageOf,
  parse,
  parseSource,
  schema,
  serialize,
  serializeSource,
} from '@kyozo/markdown';
import { prosemirrorJSONToYXmlFragment, updateYFragment } from '@tiptap/y-tiptap';
import * as Y from 'yjs';
import { type DocumentJson, jsonOf } from './document-json.ts';
import { mostHeld, structsOf } from './document-size.ts';

/** The XML fragment that holds the text, as editors and the contract name it. */
export const field = 'default';

/** Nodes of a document that opens as Markdown: so many take the server's thread an eighth of a second. */
const mostNodes = 40_000;
/** Structs of a document that is made of a text: three for each paragraph, more for marks. */
const mostSeeded = mostHeld.structs * 0.4;

function modelOf(path: string, text: string): DocumentJson {
  if (!isMarkdown(path)) return parseSource(text, languageOf(path) ?? null).doc;
  const { doc } = parse(text);
  if (countOf(doc) > mostNodes) throw new Error(`The text has more than ${mostNodes} nodes.`);
  return carryMarks(doc);
}

const countOf = (node: DocumentJson): number =>
  (node.content ?? []).reduce((sum, child) => sum + countOf(child), 1);

/**
 * Fills an empty document with text. Only the server does it, once a document.
 * @throws Error when the text comes to too many nodes
 */
export function seed(document: Y.Doc, path: string, text: string): void {
  prosemirrorJSONToYXmlFragment(schema, modelOf(path, text), document.getXmlFragment(field));
  // What opens must have room for edits.
  if (structsOf(document) > mostSeeded) throw new Error(`More than ${mostSeeded} structs.`);
}

/** The text of a document: what did not change keeps the bytes of `base`. */
export function textOf(document: Y.Doc, path: string, base: string): string {
  const write = isMarkdown(path) ? serialize : serializeSource;
  return write(jsonOf(document.getXmlFragment(field)), base);
}

/** An update, and the state that follows from it. */
export type Change = { update: Uint8Array; state: Uint8Array };

/**
 * The update that turns the document of `state` into `text`, as a minimal change, and the state that
 * follows: applied to a live document that has moved on from `state`, it merges with what was typed.
 * @throws Error when the text comes to too many nodes
 */
export function changeTo(state: Uint8Array, path: string, text: string): Change {
  const fork = new Y.Doc();
  Y.applyUpdate(fork, state);
  const before = Y.encodeStateVector(fork);
  const node = schema.nodeFromJSON(modelOf(path, text));
  updateYFragment(fork, fork.getXmlFragment(field), node, {
    mapping: new Map(),
    isOMark: new Map(),
  });
  const change = {
    update: Y.encodeStateAsUpdate(fork, before),
    state: Y.encodeStateAsUpdate(fork),
  };
  fork.destroy();
  return change;
}
