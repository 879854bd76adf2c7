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
import {
  prosemirrorJSONToYXmlFragment,
  updateYFragment,
  yXmlFragmentToProsemirrorJSON,
} from '@tiptap/y-tiptap';
import * as Y from 'yjs';

/** The XML fragment that holds the text, as editors and the contract name it. */
export const field = 'default';

type DocumentJson = Parameters<typeof serialize>[0];

const modelOf = (path: string, text: string): DocumentJson =>
  isMarkdown(path) ? carryMarks(parse(text).doc) : parseSource(text, languageOf(path) ?? null).doc;

/** Fills an empty document with text. Only the server does it, once a document. */
export function seed(document: Y.Doc, path: string, text: string): void {
  prosemirrorJSONToYXmlFragment(schema, modelOf(path, text), document.getXmlFragment(field));
}

/** The text of a document: what did not change keeps the bytes of `base`. */
export function textOf(document: Y.Doc, path: string, base: string): string {
  const json = yXmlFragmentToProsemirrorJSON(document.getXmlFragment(field)) as DocumentJson;
  const write = isMarkdown(path) ? serialize : serializeSource;
  try {
    return write(json, base);
  } catch {
    return write(fitting(json)[0] ?? { type: 'doc' }, base);
  }
}

/**
 * What of a node fits the schema. Editors take the rest out of the document when they meet it; without
 * one, a program that writes something else must not keep everybody's text from being saved.
 */
function fitting(node: DocumentJson): DocumentJson[] {
  const content = (node.content ?? []).flatMap(fitting);
  const marks = node.marks?.filter(({ type }) => type in schema.marks);
  try {
    const fits = { ...node, ...(node.content && { content }), ...(node.marks && { marks }) };
    schema.nodeFromJSON(fits).check();
    return [fits];
  } catch {
    return node.type === 'doc' ? [{ type: 'doc', content: content.filter(isBlock) }] : [];
  }
}

const isBlock = ({ type }: DocumentJson) => schema.nodes[type].isInGroup('block');

/**
 * The update that turns the document of `state` into `text`, as a minimal change, and the state that
 * follows: applied to a live document that has moved on from `state`, it merges with what was typed.
 */
export function changeTo(
  state: Uint8Array,
  path: string,
  text: string,
): { update: Uint8Array; state: Uint8Array } {
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
