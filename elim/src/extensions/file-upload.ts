import { type Editor, Extension } from '@tiptap/core';
import { Plugin, PluginKey } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';

/** Stores a file and answers the address under which the text refers to it. */
export type UploadFile = (file: File) => Promise<string>;

type Step = { add: { id: object; at: number; name: string } } | { remove: object };

const key = new PluginKey<DecorationSet>('fileUpload');

/** Files that are pasted or dropped are uploaded; a note holds their place until they are there. */
export const fileUploadWith = (upload: UploadFile) =>
  Extension.create({
    name: 'fileUpload',
    addProseMirrorPlugins() {
      const { editor } = this;
      const take = (list: FileList | undefined, at: number) => {
        const files = [...(list ?? [])];
        for (const file of files) void uploadFile(editor, file, at, upload);
        return files.length > 0;
      };
      const plugin: Plugin<DecorationSet> = new Plugin({
        key,
        state: {
          init: () => DecorationSet.empty,
          apply: (tr, set) => step(set.map(tr.mapping, tr.doc), tr.getMeta(key), tr.doc),
        },
        props: {
          decorations: (state) => plugin.getState(state),
          handlePaste: (view, event) => take(event.clipboardData?.files, view.state.selection.from),
          handleDrop: (view, event) => {
            const at = view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos;
            return at !== undefined && take(event.dataTransfer?.files, at);
          },
        },
      });
      return [plugin];
    },
  });

/** Uploads one file and puts an image or a link where it was dropped. */
export async function uploadFile(
  editor: Editor,
  file: File,
  at: number,
  upload: UploadFile,
): Promise<void> {
  const id = {};
  const send = (change: Step) => editor.view.dispatch(editor.state.tr.setMeta(key, change));
  send({ add: { id, at, name: file.name } });
  const url = await upload(file).catch(() => undefined);
  if (editor.isDestroyed) return;
  const place = key
    .getState(editor.state)
    ?.find(undefined, undefined, (spec) => spec.id === id)[0]?.from;
  send({ remove: id });
  if (url === undefined || place === undefined) return;
  const content = file.type.startsWith('image/')
    ? { type: 'image', attrs: { src: url, alt: file.name } }
    : { type: 'text', text: file.name, marks: [{ type: 'link', attrs: { href: url } }] };
  editor.commands.insertContentAt(place, content);
}

function step(
  set: DecorationSet,
  change: Step | undefined,
  doc: Parameters<DecorationSet['add']>[0],
): DecorationSet {
  if (!change) return set;
  if ('remove' in change)
    return set.remove(set.find(undefined, undefined, (spec) => spec.id === change.remove));
  const note = document.createElement('span');
  note.className = 'elim-upload';
  note.textContent = `Uploading ${change.add.name} …`;
  return set.add(doc, [Decoration.widget(change.add.at, note, { id: change.add.id })]);
}
