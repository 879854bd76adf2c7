import type { ShadcnEditorProps } from 'elim';
import GithubSlugger from 'github-slugger';
import { decode } from './addresses.ts';

export type Heading = { at: number; level: number; text: string };
type Editor = NonNullable<ShadcnEditorProps['editor']>;

/** The headings of the text, in order. */
export function headingsOf(editor: Editor): Heading[] {
  const headings: Heading[] = [];
  editor.state.doc.forEach((node, at) => {
    if (node.type.name !== 'heading' || !node.textContent) return;
    headings.push({ at, level: Number(node.attrs.level), text: node.textContent });
  });
  return headings;
}

/** Puts the caret in a heading and brings it to the top of the page. */
export function goToHeading(editor: Editor, { at, text }: Heading): void {
  editor.commands.setTextSelection(at + 1 + text.length);
  editor.view.focus();
  const element = editor.view.nodeDOM(at);
  if (!(element instanceof HTMLElement)) return;
  const barsHeight = 110;
  scrollBy({ top: element.getBoundingClientRect().top - barsHeight });
}

/** Goes to the heading that GitHub would name `#anchor`; answers whether there is one. */
export function goToAnchor(editor: Editor, anchor: string): boolean {
  const slugger = new GithubSlugger();
  const name = decode(anchor.slice(1)).toLowerCase();
  const heading = headingsOf(editor).find(({ text }) => slugger.slug(text) === name);
  if (heading) goToHeading(editor, heading);
  return heading !== undefined;
}
