import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Editor, open } from './editor.ts';

/** What every test file of live documents has: a server, Ann and her workspace, and who sits at what. */
export type Scene = {
  server: TestServer;
  ann: Person;
  workspace: RecordObject;
  edit(person: Person, file: { id: string }): Promise<Editor>;
};

export function useScene(): Scene {
  const editors: Editor[] = [];
  const scene = {
    async edit(person, file) {
      const editor = await open(scene.server.url, person.token, file.id);
      editors.push(editor);
      return editor;
    },
  } as Scene;
  beforeAll(async () => {
    scene.server = await startServer();
    scene.ann = await register(scene.server.url, 'Ann');
    scene.workspace = await scene.ann.workspace();
  });
  afterEach(() => {
    for (const editor of editors.splice(0)) editor.leave();
  });
  afterAll(() => scene.server.stop());
  return scene;
}

/** Makes a person a member of Ann's team. */
export async function invite(scene: Scene, name: string): Promise<Person> {
  const person = await register(scene.server.url, name);
  await scene.server.query(
    `insert into user_teams (id, team_id, user_id, role)
      select uuidv7(), team_id, $1, 'member' from workspaces where id = $2`,
    [person.id, scene.workspace.id],
  );
  return person;
}
