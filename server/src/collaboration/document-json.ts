import { schema, type serialize } from '@kyozo/markdown';
import * as Y from 'yjs';

export type DocumentJson = Parameters<typeof serialize>[0];
type Mark = NonNullable<DocumentJson['marks']>[number];

/** Blocks in blocks; deeper, a file could not be read back, and their text stays as one paragraph. */
const mostDepth = 41;

const containers = ['doc', 'blockquote', 'listItem', 'taskItem'];

/**
 * A live document as the model has it. It never fails: whatever a program wrote into it, each text
 * that stands there is kept, as near to its place as the model allows.
 */
export function jsonOf(fragment: Y.XmlFragment): DocumentJson {
  return { type: 'doc', content: blocks(read(fragment, 0)) };
}

/** Nodes as they stand, of known types and with plain attributes, but in any order. */
function read(parent: Y.XmlFragment, depth: number): DocumentJson[] {
  return parent.toArray().flatMap((child): DocumentJson[] => {
    if (child instanceof Y.XmlText) return texts(child);
    if (!(child instanceof Y.XmlElement)) return [];
    if (depth > mostDepth) return allText(child);
    const content = read(child, depth + 1);
    const type = child.nodeName as DocumentJson['type'];
    if (!Object.hasOwn(schema.nodes, type) || type === 'doc' || type === 'text') return content;
    const attrs = plain(child.getAttributes());
    // An image or a raw block holds nothing: text that somebody put into one follows it.
    return schema.nodes[type].isLeaf ? [{ type, attrs }, ...content] : [{ type, attrs, content }];
  });
}

function texts(text: Y.XmlText): DocumentJson[] {
  return text.toDelta().flatMap((part: { insert: unknown; attributes?: object }) => {
    if (typeof part.insert !== 'string') return [];
    const marks = Object.entries(part.attributes ?? {}).flatMap(markOf);
    return [{ type: 'text', text: part.insert, ...(marks.length > 0 && { marks }) }];
  });
}

/** An editor writes marks that overlap under names of their own: `link--` and a sum. */
function markOf([name, attrs]: [string, unknown]): Mark[] {
  const type = name.replace(/--.*$/s, '') as Mark['type'];
  if (!Object.hasOwn(schema.marks, type) || attrs === null) return [];
  return [type === 'link' ? { type, attrs: plain(attrs) } : { type }];
}

const plain = (attrs: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(attrs ?? {}).filter(([, value]) => value === null || typeof value !== 'object'),
  );

/** Every text below an element, without recursion: it may lie thousands deep. */
function allText(element: Y.XmlElement): DocumentJson[] {
  const found: DocumentJson[] = [];
  const left: unknown[] = [element];
  while (left.length > 0) {
    const next = left.pop();
    if (next instanceof Y.XmlText) found.push(...texts(next));
    else if (next instanceof Y.XmlElement) left.push(...next.toArray().reverse());
  }
  return found;
}

const isInline = ({ type }: DocumentJson): boolean => schema.nodes[type].isInline;

/** Any nodes as blocks: what is inline comes into paragraphs, what needs a parent that is not there leaves it. */
function blocks(nodes: readonly DocumentJson[]): DocumentJson[] {
  const out: DocumentJson[] = [];
  let run: DocumentJson[] = [];
  const endRun = () => {
    if (run.length > 0) out.push({ type: 'paragraph', content: run });
    run = [];
  };
  for (const node of nodes) {
    if (isInline(node)) run.push(node);
    else {
      endRun();
      if (schema.nodes[node.type].isInGroup('block')) out.push(block(node));
      else for (const inner of blocks(node.content ?? [])) out.push(inner);
    }
  }
  endRun();
  return out;
}

function block(node: DocumentJson): DocumentJson {
  const { type, attrs } = node;
  const content = node.content ?? [];
  if (containers.includes(type)) return { type, attrs, content: blocks(content) };
  if (type === 'taskList') return { type, attrs, content: content.map(within('taskItem')) };
  if (type === 'bulletList' || type === 'orderedList')
    return { type, attrs, content: content.map(within('listItem')) };
  if (type === 'table') return { type, attrs, content: content.map(row) };
  if (type === 'codeBlock') return { type, attrs, content: inline(content).filter(isText) };
  if (schema.nodes[type].isLeaf) return { type, attrs };
  return { type, attrs, content: inline(content) };
}

const isText = ({ type }: DocumentJson): boolean => type === 'text';

const within =
  (type: 'listItem' | 'taskItem') =>
  (node: DocumentJson): DocumentJson => ({
    ...(node.type === type ? node : { type }),
    content: blocks(node.type === type ? (node.content ?? []) : [node]),
  });

function row(node: DocumentJson): DocumentJson {
  const cells = node.type === 'tableRow' ? (node.content ?? []) : [node];
  return { type: 'tableRow', content: cells.map(cell) };
}

function cell(node: DocumentJson): DocumentJson {
  const known = node.type === 'tableCell' || node.type === 'tableHeader';
  const paragraphs = blocks(known ? (node.content ?? []) : [node]);
  const content = paragraphs.map((part) => ({
    type: 'paragraph' as const,
    content: inline(part.content ?? []),
  }));
  return { ...(known ? node : { type: 'tableCell' as const }), content };
}

/** Any nodes as inline ones: of a block its text. */
function inline(nodes: readonly DocumentJson[]): DocumentJson[] {
  return nodes.flatMap((node) => (isInline(node) ? [node] : inline(node.content ?? [])));
}
