import type { MarkName, NodeName } from './schema.ts';

export type Mark = { type: MarkName; attrs?: Record<string, unknown> };

/** A node as ProseMirror's JSON writes it. */
export type Node = {
  type: NodeName;
  attrs?: Record<string, unknown>;
  content?: Node[];
  marks?: Mark[];
  text?: string;
};

export const paragraph = (content: Node[] = []): Node =>
  content.length > 0 ? { type: 'paragraph', content } : { type: 'paragraph' };

export const rawBlock = (source: string): Node => ({ type: 'rawBlock', attrs: { source } });

export const isEmptyParagraph = (node: Node | undefined): boolean =>
  node?.type === 'paragraph' && !node.content?.length;

export const isList = (node: Node | undefined): boolean =>
  node?.type === 'bulletList' || node?.type === 'orderedList' || node?.type === 'taskList';

/** Equal for two canonical nodes exactly when they are the same. */
export const key = (node: Node | Node[] | Mark | undefined): string => JSON.stringify(node);

export const hasMark = (node: Node, type: MarkName): boolean =>
  node.marks?.some((mark) => mark.type === type) ?? false;

/** Splits a fence's info string into its language and the rest. */
export function splitInfo(text: string): { language: string | null; info: string } {
  const info = text.trim();
  const language = /^[^\s{]*/.exec(info)?.[0] ?? '';
  return { language: language || null, info: info.slice(language.length).trim() };
}
