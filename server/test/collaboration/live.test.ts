import pg from 'pg';
import { expect, test } from 'vitest';
import { pause, until } from './editor.ts';
import { useScene } from './scene.ts';

const scene = useScene();

test('two who type at once both see all of it', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'two.md', 'One.\n');
  const [left, right] = [await edit(ann, file), await edit(ann, file)];
  for (let at = 0; at < 20; at++) {
    left.type(`l${at}`, (at % 5) / 5);
    right.type(`r${at}`, (at % 7) / 7);
  }
  await until(() => left.isSaved && right.isSaved && left.text === right.text);
  const words = left.text.split(' ').sort();
  const typed = Array.from({ length: 20 }, (_, at) => [`l${at}`, `r${at}`]).flat();
  expect(words).toEqual([...typed, 'One.'].sort());
});

test('a hundred who open a new document at once see its content once', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'crowd.md', '# Title\n\nOnce.\n');
  const all = await Promise.all(Array.from({ length: 100 }, () => edit(ann, file)));
  expect(new Set(all.map((editor) => editor.text))).toEqual(new Set(['Title\nOnce.']));
});

test('`saved` and the acknowledgement come when the update is in the database, and not before', async () => {
  const { server, ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'saved.md', 'One.\n');
  const [writer, reader] = [await edit(ann, file), await edit(ann, file)];
  writer.saved.length = 0;
  writer.type('durable');
  await until(() => writer.saved.length > 0);
  const rows = await logged(file.id);
  expect(Number(rows.at(-1)!.seq)).toBe(writer.saved.at(-1));
  expect(rows.at(-1)!.user_id).toBe(ann.id);
  expect(writer.isSaved).toBe(true);

  writer.saved.length = 0;
  await whilePaused(server.databaseUrl, async () => {
    writer.type('seen');
    await until(() => reader.text.includes('seen'));
    // A second edit makes the round trip too, so an early acknowledgement would have come by now.
    reader.type('answered');
    await until(() => writer.text.includes('answered'));
    expect(writer.saved).toEqual([]);
    expect(writer.isSaved).toBe(false);
    expect(await logged(file.id)).toEqual(rows);
  });
  await until(() => writer.isSaved && reader.isSaved);
  expect((await logged(file.id)).length).toBeGreaterThan(rows.length);
});

test('who types without a pause is told what is durable all the same', async () => {
  const { ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'crowded.md', 'One.\n');
  const editors = await Promise.all(Array.from({ length: 8 }, () => edit(ann, file)));
  const [writer] = editors;
  const before = writer!.saved.length;
  let stopped = false;
  const typing = editors.map(async (editor, at) => {
    for (let word = 0; !stopped; word++) {
      editor.type(`w${at}x${word}`);
      await pause(0);
    }
  });
  await until(() => writer!.saved.length > before + 5);
  stopped = true;
  await Promise.all(typing);
  await until(() => editors.every((editor) => editor.isSaved && editor.text === writer!.text));
});

test('a write whose answer was lost does not stop the log', async () => {
  const { server, ann, workspace, edit } = scene;
  const file = await ann.file(workspace, 'lost-answer.md', 'One.\n');
  const writer = await edit(ann, file);
  writer.type('first');
  await until(() => writer.isSaved);
  // As if the next insert had been committed and its answer lost: the number is taken.
  await server.query(
    `insert into document_updates (file_id, team_id, seq, update, user_id)
      select file_id, team_id, seq + 1, update, user_id from document_updates where file_id = $1 order by seq desc limit 1`,
    [file.id],
  );
  writer.type('second');
  await until(() => writer.isSaved);
  writer.leave();
  const again = await edit(ann, file);
  expect(again.text).toBe('second first One.');
});

const logged = (fileId: string) =>
  scene.server.query<{ seq: string; user_id: string }>(
    'select seq, user_id from document_updates where file_id = $1 order by seq',
    [fileId],
  );

/** Keeps updates from being written, as a stalled database does. */
async function whilePaused(databaseUrl: string, work: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin; lock table document_updates in share mode');
  try {
    await work();
  } finally {
    await client.query('rollback');
    await client.end();
  }
}
