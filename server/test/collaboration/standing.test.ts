import { beforeAll, expect, test, vi } from 'vitest';
import * as Y from 'yjs';
import { Editor, until } from './editor.ts';
import { authFrame, RawClient, sync, syncFrame } from './frames.ts';
import { useScene } from './scene.ts';

const scene = useScene();

// Hocuspocus prints the end of every connection that still has frames to be handled.
beforeAll(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));

const slow = `One.\n\n${'- a\n'.repeat(3_000)}`;

test.each(['archive', 'trash'])(
  '15.S1 %s while a document opens: nothing is written in it, and no version is made',
  async (how) => {
    const { ann, server } = scene;
    const workspace = await ann.workspace();
    const file = await ann.file(workspace, 'slow.md', slow);
    const seen = new Y.Doc();
    const raw = await RawClient.open(server.url);
    // The first opening reads the text, which takes a while; the edit waits for it.
    raw.send(authFrame(file.id, ann.token!));
    raw.send(syncFrame(file.id, sync.update, words(seen)));
    await until(() => raw.received.includes('auth:2'));
    await put(how, workspace.id);
    await until(() => raw.closeCode !== undefined);
    const editor = new Editor(server.url, ann.token!, file.id);
    await until(() => editor.isSaved || editor.refused !== undefined);
    if (how === 'archive') expect(editor.provider.authorizedScope).toBe('readonly');
    else expect(editor.refused).toBe('permission-denied');
    editor.leave();
    expect(await updatesOf(file.id)).toBe(0);
    const [row] = await server.query<{ version: number }>(
      'select version from files where id = $1',
      [file.id],
    );
    expect(row!.version).toBe(1);
  },
);

test('15.S1 whatever way a workspace is archived, open documents become read-only, and 15.M1 writable again', async () => {
  const { ann, server, edit } = scene;
  const workspace = await ann.workspace();
  const file = await ann.file(workspace, 'a.md', 'One.\n');
  const editor = await edit(ann, file);
  editor.type('before');
  await until(() => editor.isSaved);
  // Past the API, so that nothing but the look at every open document can tell.
  await server.query('update workspaces set archived_at = now() where id = $1', [workspace.id]);
  await until(() => editor.provider.authorizedScope === 'readonly');
  const content = async () => (await ann.fetch(`/files/${file.id}/content`)).text();
  await expect.poll(content).toBe('before One.\n');
  expect((await ann.delete(`/workspaces/${workspace.id}/archive`)).status).toBe(200);
  await until(() => editor.provider.authorizedScope === 'read-write' && editor.isSaved);
  editor.type('after');
  await until(() => editor.isSaved);
  expect(await updatesOf(file.id)).toBeGreaterThan(0);
});

test('15.S1 a document whose file is removed for good ends, and its log with it', async () => {
  const { ann, server, edit } = scene;
  const workspace = await ann.workspace();
  const file = await ann.file(workspace, 'a.md', 'One.\n');
  const editor = await edit(ann, file);
  const saved = editor.saved.length;
  await server.query('delete from files where id = $1', [file.id]);
  editor.type('lost');
  await until(() => editor.closed);
  expect(editor.saved).toHaveLength(saved);
  editor.leave();
  const again = await edit(ann, file);
  expect(again.refused).toBe('permission-denied');
});

test('15.M2 frames that wait for their turn are not applied once their document is archived', async () => {
  const { ann, server } = scene;
  const workspace = await ann.workspace();
  const file = await ann.file(workspace, 'a.md', 'One.\n');
  const seen = new Y.Doc();
  const raw = await RawClient.open(server.url);
  raw.send(authFrame(file.id, ann.token!));
  await until(() => raw.received.includes('auth:2'));
  // Each costs far more than a person has at once: they wait for one another.
  for (let at = 0; at < 6; at++) raw.send(syncFrame(file.id, sync.update, words(seen, 9_000)));
  await until(() => raw.received.includes('status:1'));
  await put('archive', workspace.id);
  await until(() => raw.closeCode !== undefined);
  const before = await updatesOf(file.id);
  // What still waited has had its turn once the same person is answered, who pays for both.
  const late = await RawClient.open(server.url);
  late.send(authFrame(file.id, ann.token!));
  late.send(syncFrame(file.id, sync.step1, Buffer.from([0])));
  await until(() => late.received.includes('sync:1'));
  late.close();
  expect(await updatesOf(file.id)).toBeLessThanOrEqual(before);
});

async function put(how: string, id: string): Promise<void> {
  const { ann } = scene;
  if (how === 'archive') await ann.post(`/workspaces/${id}/archive`, 'workspaces');
  else await ann.delete(`/workspaces/${id}`);
}

/** An update that adds so many paragraphs to a document. */
function words(document: Y.Doc, count = 1): Uint8Array {
  const before = Y.encodeStateVector(document);
  const all = Array.from({ length: count }, () => {
    const block = new Y.XmlElement('paragraph');
    block.insert(0, [new Y.XmlText('word')]);
    return block;
  });
  document.getXmlFragment('default').insert(0, all);
  return Y.encodeStateAsUpdate(document, before);
}

async function updatesOf(fileId: string): Promise<number> {
  const [row] = await scene.server.query<{ count: number }>(
    'select count(*)::int as count from document_updates where file_id = $1',
    [fileId],
  );
  return row!.count;
}
