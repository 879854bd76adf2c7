import { readdir } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open, until } from '../collaboration/editor.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { follow } from '../workspaces/sse.ts';
import { type Acting, eventsOf, join, kindsOf, membership, setRole, teamOf } from './members.ts';

let server: TestServer;
let ann: Person;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url, 'Ann');
});
afterAll(() => server.stop());

const ownersOf = async (team: string) =>
  (
    await server.query<{ user_id: string }>(
      `select user_id from user_teams where team_id = $1 and role = 'owner'`,
      [team],
    )
  ).map((row) => row.user_id);

describe('roles', () => {
  test('owner, admin and member may each do what they may, and no more', async () => {
    const team = await teamOf(ann);
    const [owner, admin, member] = [
      await join(team, 'owner'),
      await join(team, 'admin'),
      await join(team, 'member'),
    ];
    const [ofOwner, ofAdmin, ofMember] = [
      await membership(team, owner),
      await membership(team, admin),
      await membership(team, member),
    ];
    const tries: [string, Promise<{ status: number }>, number][] = [];
    const attempt = async (what: string, call: Promise<{ status: number }>, status: number) => {
      tries.push([what, call, status]);
      await call;
    };
    await attempt('a member promotes itself', setRole(member, ofMember, 'admin'), 403);
    await attempt('a member removes', member.delete(`/user-teams/${ofAdmin.id}`), 403);
    await attempt('an admin makes an owner', setRole(admin, ofMember, 'owner'), 403);
    await attempt('an admin makes itself owner', setRole(admin, ofAdmin, 'owner'), 403);
    await attempt('an admin demotes an owner', setRole(admin, ofOwner, 'member'), 403);
    await attempt('an admin removes an owner', admin.delete(`/user-teams/${ofOwner.id}`), 403);
    await attempt('an admin deletes the team', admin.delete(`/teams/${team.team}`), 403);
    await attempt('an admin makes an admin', setRole(admin, ofMember, 'admin'), 200);
    await attempt('an admin unmakes an admin', setRole(admin, ofMember, 'member'), 200);
    await attempt('an owner makes an owner', setRole(owner, ofMember, 'owner'), 200);
    await attempt('an owner demotes an owner', setRole(owner, ofMember, 'member'), 200);
    await attempt('a member leaves', member.delete(`/user-teams/${ofMember.id}`), 204);
    for (const [what, call, status] of tries)
      expect([what, (await call).status]).toEqual([what, status]);
    expect(await kindsOf(member)).toEqual([
      ...Array(4).fill('membership.role-changed'),
      'invitation.received',
    ]);
  });

  test('GraphQL keeps to the same', async () => {
    const team = await teamOf(ann);
    const admin = await join(team, 'admin');
    const { id } = await membership(team, admin);
    const { data } = await admin.graphql<Record<string, { errors: { code: string }[] }>>(
      `mutation { a: updateUserTeam(id: "${id}", input: { role: "owner" }) { errors { code } }
        b: updateUserTeam(id: "${id}", input: { role: "owner" }) { errors { code } } }`,
    );
    expect([data.a!.errors[0]!.code, data.b!.errors[0]!.code]).toEqual(['forbidden', 'forbidden']);
    expect(await ownersOf(team.team)).toEqual([ann.id]);
  });

  test('so do operations that stand together', async () => {
    const team = await teamOf(ann);
    const admin = await join(team, 'admin');
    const [own, theirs] = [await membership(team, ann), await membership(team, admin)];
    const type = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';
    const send = async (by: Acting, ...operations: object[]) =>
      (
        await by.fetch('/operations', {
          method: 'POST',
          headers: { 'content-type': type, accept: type },
          raw: JSON.stringify({ 'atomic:operations': operations }),
        })
      ).status;
    const give = ({ id }: RecordObject, role: string) => ({
      op: 'update',
      data: { type: 'user-teams', id, attributes: { role } },
    });
    expect(await send(admin, give(theirs, 'owner'))).toBe(403);
    expect(await send(team, give(theirs, 'member'), give(own, 'member'))).toBe(409);
    expect((await membership(team, admin)).attributes.role).toBe('admin');
    // Without an owner in between is no fault, only at the end.
    expect(await send(team, give(own, 'admin'), give(theirs, 'owner'))).toBe(200);
    expect(await ownersOf(team.team)).toEqual([admin.id]);
  });

  test('the last owner neither leaves nor steps down', async () => {
    const team = await teamOf(ann);
    await join(team, 'admin');
    const own = await membership(team, ann);
    expect((await setRole(team, own, 'member')).status).toBe(409);
    expect((await team.delete(`/user-teams/${own.id}`)).status).toBe(409);
    expect(await ownersOf(team.team)).toEqual([ann.id]);
  });

  test('in 200 races of two owners who demote each other one is left', async () => {
    const team = await teamOf(ann);
    const other = await join(team, 'owner');
    const [hers, theirs] = [await membership(team, ann), await membership(team, other)];
    const outcomes = new Set<string>();
    for (let race = 0; race < 200; race++) {
      const leave = race % 2 === 1;
      const statuses = await Promise.all(
        leave
          ? [setRole(team, hers, 'admin'), setRole(other, theirs, 'admin')]
          : [setRole(team, theirs, 'member'), setRole(other, hers, 'member')],
      );
      outcomes.add(
        statuses
          .map(({ status }) => status)
          .sort()
          .join(),
      );
      expect((await ownersOf(team.team)).length).toBeGreaterThanOrEqual(1);
      await server.query(`update user_teams set role = 'owner' where team_id = $1`, [team.team]);
    }
    // Each race had a winner and a loser: one whose own role was gone, or the last owner.
    expect(outcomes).toContain('200,409');
    expect([...outcomes].every((it) => it.startsWith('200,4'))).toBe(true);
  }, 120_000);

  test('a team that is visible but not the acting one is out of reach', async () => {
    const team = await teamOf(ann);
    const record = { type: 'teams', id: team.team };
    const own = await membership(team, ann);
    expect((await ann.get(`/teams/${team.team}`)).status).toBe(200);
    const statuses = [
      await ann.patch(`/teams/${team.team}`, record, { name: 'Mine' }),
      await ann.delete(`/teams/${team.team}`),
      await ann.post(`/teams/${team.team}/transfer`, 'teams', { userId: ann.id }),
      await ann.patch(`/user-teams/${own.id}`, own, { role: 'member' }),
      await ann.delete(`/user-teams/${own.id}`),
    ].map(({ status }) => status);
    expect(statuses).toEqual([403, 403, 403, 403, 403]);
  });

  test('a team is handed over, and the old owner goes on as an admin', async () => {
    const team = await teamOf(ann);
    const heir = await join(team, 'member');
    const stranger = await register(server.url);
    const transfer = (userId: string) =>
      team.post(`/teams/${team.team}/transfer?include=memberships`, 'teams', { userId });
    expect((await transfer(stranger.id)).status).toBe(422);
    expect((await transfer(ann.id)).status).toBe(422);
    const { status, body } = await transfer(heir.id);
    expect([status, body.data.id]).toEqual([200, team.team]);
    const roles = body.included!.map(({ attributes }) => attributes.role);
    expect(roles.sort()).toEqual(['admin', 'owner']);
    expect(await ownersOf(team.team)).toEqual([heir.id]);
    expect((await transfer(heir.id)).status).toBe(403);
    expect(await kindsOf(heir)).toContain('membership.role-changed');
  });

  test('a personal team is neither deleted nor handed over', async () => {
    const { body } = await ann.get<RecordObject[]>('/teams?filter[personal]=true');
    const path = `/teams/${body.data[0]!.id}`;
    const bob = await register(server.url);
    expect((await ann.delete(path)).status).toBe(409);
    expect((await ann.post(`${path}/transfer`, 'teams', { userId: bob.id })).status).toBe(409);
  });
});

test('who is removed reaches nothing of the team at once, by session or by key', async () => {
  const team = await teamOf(ann);
  const bob = await join(team, 'member', 'Bob');
  const key = await bob.key('write');
  const workspace = await team.workspace();
  const statuses = async () => [
    (await bob.get(`/workspaces/${workspace.id}`)).status,
    (await key.get(`/workspaces/${workspace.id}`)).status,
  ];
  expect(await statuses()).toEqual([200, 200]);
  expect((await team.delete(`/user-teams/${(await membership(team, bob)).id}`)).status).toBe(204);
  expect(await statuses()).toEqual([403, 401]);
  expect(await server.query('select id from api_keys where user_id = $1', [bob.id])).toEqual([]);
  expect((await eventsOf(server, team.team)).slice(-2).sort()).toEqual([
    'api-key.revoked',
    'user-team.deleted',
  ]);
  expect(await kindsOf(bob)).toEqual(['membership.removed', 'invitation.received']);
});

describe('deleting a team', () => {
  /** Everything that the database holds of a team, a row a text. */
  async function rowsOf(team: string): Promise<string[]> {
    const tables = await server.query<{ relname: string }>(`
      select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'team_id'
      where c.relkind = 'r' and c.relname not in ('notifications') order by 1`);
    const all: string[] = [];
    for (const { relname } of tables) {
      const rows = await server.query<{ row: string }>(
        `select $2 || ' ' || to_jsonb(t)::text as row from ${relname} t where team_id = $1 order by 1`,
        [team, relname],
      );
      all.push(...rows.map(({ row }) => row));
    }
    return all;
  }

  async function furnish(team: Acting) {
    const workspace = await team.workspace();
    const file = await team.file(workspace, 'n.md', '# N\n\n```bash\necho hi\n```\n');
    const large = await team.file(workspace, 'a.bin', 'x'.repeat(2_000_000));
    await team.key('read');
    await team.post('/invitations', 'invitations', { email: 'late@example.com', role: 'member' });
    const tasks = await team.get<RecordObject[]>('/tasks');
    const run = await team.post(`/tasks/${tasks.body.data[0]!.id}/runs`, 'task-runs');
    await (await team.fetch(`/task-runs/${run.body.data.id}/outputs/stream`)).text();
    return { workspace, file, large };
  }

  const kept = async (folder: string) =>
    (await readdir(joinPath(server.dataDir, folder), { recursive: true })).sort();

  test('takes all of it, keeps the log, and leaves another team byte for byte', async () => {
    const [first, second] = [await teamOf(ann, 'First'), await teamOf(ann, 'Second')];
    const bob = await join(first, 'member', 'Bob');
    const { workspace, file } = await furnish(first);
    const others = await furnish(second);
    const editor = await open(server.url, bob.token, file.id);
    editor.type('typed');
    await until(() => editor.isSaved);
    const before = await rowsOf(second.team);
    const log = await eventsOf(server, first.team);
    const has = async (folder: string, name: string) =>
      (await kept(folder)).some((path) => path.includes(name));
    expect(await has('git', workspace.id)).toBe(true);
    expect(await has('blobs', first.team)).toBe(true);

    expect((await first.delete(`/teams/${first.team}`)).status).toBe(204);
    await until(() => editor.closed);
    editor.leave();
    expect((await first.get('/workspaces')).status).toBe(403);
    expect((await rowsOf(first.team)).filter((row) => !row.startsWith('events '))).toEqual([]);
    const after = await eventsOf(server, first.team);
    expect(after.slice(0, log.length)).toEqual(log);
    expect(after.at(-1)).toBe('team.deleted');
    expect(await rowsOf(second.team)).toEqual(before);
    await until(async () => !(await has('git', workspace.id)) && !(await has('blobs', first.team)));
    expect(await has('blobs', second.team)).toBe(true);
    expect(await has('git', others.workspace.id)).toBe(true);
    const content = await second.fetch(`/files/${others.large.id}/content`);
    expect((await content.text()).length).toBe(2_000_000);
    expect(await kindsOf(bob)).toContain('team.deleted');
    expect(await kindsOf(ann)).not.toContain('team.deleted');
  });

  test('while a cell of it talks: the run ends, and the server lives', async () => {
    const team = await teamOf(ann);
    const workspace = await team.workspace();
    const loop = 'while true; do echo on and on; sleep 0.01; done';
    await team.file(workspace, 'n.md', `\`\`\`bash\n${loop}\n\`\`\`\n`);
    const tasks = await team.get<RecordObject[]>('/tasks');
    const copies = async () => (await readdir(joinPath(server.dataDir, 'runs'))).sort();
    const before = await copies();
    const run = await team.post(`/tasks/${tasks.body.data[0]!.id}/runs`, 'task-runs');
    const outputs = await follow(team, `/task-runs/${run.body.data.id}/outputs/stream`);
    expect((await outputs.next())!.event).toBe('output');
    expect((await team.delete(`/teams/${team.team}`)).status).toBe(204);
    while (await outputs.next());
    const left = await server.query('select id from task_runs where team_id = $1', [team.team]);
    expect(left).toEqual([]);
    await until(async () => (await copies()).join() === before.join());
    expect((await ann.get('/workspaces')).status).toBe(200);
  });

  test('by an owner only, and once', async () => {
    const team = await teamOf(ann);
    const admin = await join(team, 'admin');
    expect((await admin.delete(`/teams/${team.team}`)).status).toBe(403);
    const twice = await Promise.all([
      team.delete(`/teams/${team.team}`),
      team.delete(`/teams/${team.team}`),
    ]);
    const [first, second] = twice.map(({ status }) => status).sort();
    expect(first).toBe(204);
    expect([403, 404]).toContain(second);
    expect((await eventsOf(server, team.team)).filter((it) => it === 'team.deleted')).toHaveLength(
      1,
    );
  });
});
