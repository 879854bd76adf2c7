import type { Mark, Node } from './model.ts';

/**
 * The document as Yjs can hold it: marks of images, line breaks and raw inline parts, which Yjs would
 * drop, go into their attribute `marks`. `normalize` and `serialize` read both forms.
 */
export function carryMarks(node: Node): Node {
  const content = node.content?.map(carryMarks);
  if (node.type === 'text' || !node.marks?.length) return content ? { ...node, content } : node;
  const { marks, ...rest } = node;
  return { ...rest, attrs: { ...node.attrs, marks: JSON.stringify(marks) } };
}

/** The marks of an inline node, carried or not. What somebody else put there is not trusted. */
export function marksOf(node: Node): Mark[] | undefined {
  const carried = node.attrs?.marks;
  if (node.marks || typeof carried !== 'string') return node.marks;
  try {
    const marks: unknown = JSON.parse(carried);
    return Array.isArray(marks) ? marks.filter(isMark) : undefined;
  } catch {
    return undefined;
  }
}

const isMark = (value: unknown): value is Mark =>
  typeof value === 'object' && value !== null && typeof (value as Mark).type === 'string';
