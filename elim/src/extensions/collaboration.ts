import type { HocuspocusProvider } from '@hocuspocus/provider';
import type { Extensions } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';

export type User = { name: string; color: string };

/** The shared text and the carets of the others, with their names. */
export function collaborationOf(provider: HocuspocusProvider, user: User | undefined): Extensions {
  const shared = Collaboration.configure({ document: provider.document, field: 'default' });
  const carets = CollaborationCaret.configure({
    provider,
    user: user ?? { name: 'Anonymous', color: '#6b7280' },
    render: caret,
  });
  return [shared, carets];
}

function caret(user: Record<string, unknown>): HTMLElement {
  const mark = document.createElement('span');
  mark.className = 'elim-caret';
  mark.style.setProperty(
    '--person',
    CSS.supports('color', String(user.color)) ? String(user.color) : 'gray',
  );
  const name = document.createElement('span');
  name.className = 'elim-caret-name';
  name.textContent = String(user.name ?? '');
  mark.append('\u2060', name, '\u2060');
  return mark;
}
