import { randomUUID } from 'node:crypto';
import type { Registry } from '@kyozo/resource';
import { type Actor, type Membership, Oracle, type Record_, type Role } from './oracle.ts';

/** A running server, and a way past row-level security to see what is really there. */
export type Host = {
  url: string;
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
};

/** A credential in a team: what it sends, and who that makes it; no actor when it must be refused. */
export type Credential = {
  name: string;
  headers: Record<string, string>;
  actor: Actor | undefined;
  /** The credential is good, and its owner no member of the team that it names. */
  isOutside?: boolean;
};

/** A member who is removed in the middle of the run, and what they may before, meanwhile and afterwards. */
export type Leaver = {
  state: 'in' | 'going' | 'out';
  credentials: Credential[];
  /** Removes the person from the team, as its owner does. */
  remove(): Promise<void>;
};

export type Scene = {
  host: Host;
  oracle: Oracle;
  credentials: Credential[];
  leavers: Leaver[];
  /** The teams of those who leave: what is of them changes, all else must not. */
  leftTeams: string[];
};

type Person = { id: string; token: string; personal: string };

const media = 'application/vnd.api+json';

/**
 * Two teams that know nothing of each other, people in every role, one who has left, credentials of
 * every kind, and records in every state.
 */
export async function makeScene(host: Host, known: Registry): Promise<Scene> {
  const people = {
    owner: await register(host, 'Owner'),
    admin: await register(host, 'Admin'),
    member: await register(host, 'Member'),
    left: await register(host, 'Left'),
    stranger: await register(host, 'Stranger'),
  };
  const team = await found(host, people.owner, 'Ours');
  const other = await found(host, people.stranger, 'Theirs');
  const roles = { admin: 'admin', member: 'member', left: 'member' } as const;
  for (const [name, role] of Object.entries(roles)) {
    await host.query(
      'insert into user_teams (id, team_id, user_id, role) values ($1, $2, $3, $4)',
      [randomUUID(), team, people[name as keyof typeof roles].id, role],
    );
  }
  const tokensOfLeft = await keys(host, people.left, team, 'left');
  for (const person of [people.owner, people.admin, people.member])
    await furnish(host, person, team);
  await furnish(host, people.stranger, other);
  await host.query('delete from user_teams where user_id = $1 and team_id = $2', [
    people.left.id,
    team,
  ]);

  const credentials: Credential[] = [
    { name: 'nobody', headers: {}, actor: undefined },
    { name: 'nonsense', headers: bearer('nonsense'), actor: undefined },
    { name: 'another scheme', headers: { authorization: 'Basic YTpi' }, actor: undefined },
  ];
  const inTeam: [string, Person, string, Role][] = [
    ['owner', people.owner, team, 'owner'],
    ['admin', people.admin, team, 'admin'],
    ['member', people.member, team, 'member'],
    ['stranger', people.stranger, other, 'owner'],
  ];
  for (const [name, person, teamId, role] of inTeam) {
    const actor = { userId: person.id, teamId, role, scopes: ['write'] };
    credentials.push(
      { name: `${name} signed in`, headers: bearer(person.token, teamId), actor },
      {
        name: `${name} in their own team`,
        headers: bearer(person.token),
        actor: { ...actor, teamId: person.personal, role: 'owner' },
      },
      ...(await keys(host, person, teamId, name)).map(({ scopes, ...key }) => ({
        ...key,
        actor: scopes && { ...actor, scopes },
      })),
      ...(role === 'member' ? [] : await teamKeys(host, person, teamId, name)),
    );
  }
  credentials.push(
    {
      name: 'stranger in our team',
      headers: bearer(people.stranger.token, team),
      actor: undefined,
      isOutside: true,
    },
    {
      name: 'who left, in our team',
      headers: bearer(people.left.token, team),
      actor: undefined,
      isOutside: true,
    },
    ...tokensOfLeft.map((it) => ({ name: it.name, headers: it.headers, actor: undefined })),
    { name: 'signed out', headers: bearer(await signedOut(host)), actor: undefined },
  );
  // Their claims of before are known to be none by now.
  const stale = { headers: bearer(people.left.token, team) };
  await fetch(`${host.url}/api/v1/files`, stale);
  const leavers: Leaver[] = [];
  const leftTeams: string[] = [];
  for (let n = 0; n < 4; n++) {
    const leftTeam = await found(host, people.left, `Left ${n}`);
    await furnish(host, people.left, leftTeam);
    leavers.push(await leaver(host, people.left, leftTeam, n));
    leftTeams.push(leftTeam);
  }
  return { host, credentials, leavers, leftTeams, oracle: await look(host, known) };
}

/** A member with a session and a key, who is still to leave. */
async function leaver(host: Host, owner: Person, teamId: string, n: number): Promise<Leaver> {
  const person = await register(host, `Leaver ${n}`);
  const membership = randomUUID();
  await host.query('insert into user_teams (id, team_id, user_id, role) values ($1, $2, $3, $4)', [
    ...[membership, teamId, person.id, 'member'],
  ]);
  const attributes = { name: 'Key', scopes: ['write'] };
  const { meta } = await call(
    ...([host, 'POST', '/api-keys', bearer(person.token, teamId), 'api-keys', attributes] as const),
  );
  const actor: Actor = { userId: person.id, teamId, role: 'member', scopes: ['write'] };
  const session = {
    ...{ name: `leaver ${n} signed in`, headers: bearer(person.token, teamId), actor },
    isOutside: true,
  };
  const key = { name: `leaver ${n}’s key`, headers: bearer(String(meta.key)), actor };
  const path = `/user-teams/${membership}`;
  return {
    state: 'in',
    credentials: [session, key],
    async remove() {
      await call(host, 'DELETE', path, bearer(owner.token, teamId));
    },
  };
}

const bearer = (token: string, team?: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  ...(team ? { 'kyozo-team': team } : {}),
});

/** Reads every record of every declared type past row-level security. */
async function look(host: Host, known: Registry): Promise<Oracle> {
  const records: Record_[] = [];
  for (const { type, table, attributes, internal } of known.values()) {
    const computed = Object.entries({ ...attributes, ...internal }).filter(([, it]) => it.sql);
    const more = computed.flatMap(([name, it]) => [`'${name}'`, `(${it.sql})`]).join(', ');
    const rows = await host.query<{ id: string; row: Record<string, unknown> }>(
      `select id, to_jsonb(t) || jsonb_build_object(${more}) as row from ${table} t`,
    );
    for (const { id, row } of rows) {
      const values = Object.fromEntries(
        Object.entries(row).map(([name, value]) => [camel(name), value]),
      );
      records.push({ type, id, values });
    }
  }
  const memberships = records
    .filter(({ type }) => type === 'user-teams')
    .map(({ values }) => values as unknown as Membership);
  return new Oracle(known, records, memberships);
}

const camel = (column: string) =>
  column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

async function register(host: Host, name: string): Promise<Person> {
  const email = `${randomUUID()}@example.com`;
  const { data, meta } = await call(host, 'POST', '/users/register', {}, 'users', {
    name,
    email,
    password: 'correct horse battery',
  });
  const [row] = await host.query<{ id: string }>(
    'select t.id from teams t join user_teams m on m.team_id = t.id where m.user_id = $1 and t.personal',
    [data.id],
  );
  return { id: data.id, token: String(meta.accessToken), personal: row!.id };
}

async function found(host: Host, person: Person, name: string): Promise<string> {
  return (await call(host, 'POST', '/teams', bearer(person.token), 'teams', { name })).data.id;
}

/** Keys of a person's own, of every scope and in every state; without scopes when it must be refused. */
async function keys(host: Host, person: Person, team: string, name: string) {
  const made: {
    name: string;
    headers: Record<string, string>;
    scopes: string[] | undefined;
    isOutside?: boolean;
  }[] = [];
  const make = async (scopes: string[]) => {
    const attributes = { name: scopes.join(' '), scopes };
    const { data, meta } = await call(
      host,
      'POST',
      '/api-keys',
      bearer(person.token, team),
      'api-keys',
      attributes,
    );
    return { id: data.id, headers: bearer(String(meta.key)) };
  };
  for (const scopes of [
    ['read'],
    ['write'],
    ['files:read'],
    ['files:write'],
    ['workspaces:read', 'files:write'],
    ['workspaces:write'],
    ['users:read'],
  ]) {
    const key = await make(scopes);
    made.push({ name: `${name}’s key ${scopes.join(' ')}`, headers: key.headers, scopes });
  }
  const expired = await make(['write']);
  await host.query("update api_keys set expires_at = now() - interval '1 second' where id = $1", [
    expired.id,
  ]);
  made.push({ name: `${name}’s expired key`, headers: expired.headers, scopes: undefined });
  const revoked = await make(['write']);
  await call(host, 'DELETE', `/api-keys/${revoked.id}`, bearer(person.token, team));
  made.push({ name: `${name}’s revoked key`, headers: revoked.headers, scopes: undefined });
  const [first] = made;
  made.push({
    name: `${name}’s key in another team`,
    headers: { ...first!.headers, 'kyozo-team': person.personal },
    scopes: undefined,
    isOutside: true,
  });
  return made;
}

/** Keys that belong to the team: nobody's, so nothing of a person's own is theirs. */
async function teamKeys(
  host: Host,
  person: Person,
  teamId: string,
  name: string,
): Promise<Credential[]> {
  const made: Credential[] = [];
  for (const [role, scopes] of [
    ['member', ['write']],
    ['admin', ['write']],
    ['member', ['read']],
  ] as const) {
    const attributes = { name: `team ${role}`, scopes, owner: 'team', role };
    const { data, meta } = await call(
      host,
      'POST',
      '/api-keys',
      bearer(person.token, teamId),
      'api-keys',
      attributes,
    );
    made.push({
      name: `${name}’s team key, ${role} ${scopes}`,
      headers: bearer(String(meta.key)),
      actor: { userId: data.id, teamId, role, scopes },
    });
  }
  return made;
}

async function signedOut(host: Host): Promise<string> {
  const person = await register(host, 'Gone');
  await call(host, 'POST', '/users/sign-out', bearer(person.token));
  return person.token;
}

/** Workspaces, files, notebooks, runs, invitations: one of each, and one in each state that it can be in. */
async function furnish(host: Host, person: Person, team: string): Promise<void> {
  const headers = bearer(person.token, team);
  const workspace = async (name: string) =>
    (await call(host, 'POST', '/workspaces', headers, 'workspaces', { name })).data.id;
  const file = async (workspaceId: string, path: string, content: string) => {
    const relationships = { workspace: { data: { type: 'workspaces', id: workspaceId } } };
    return (await call(host, 'POST', '/files', headers, 'files', { path, content }, relationships))
      .data.id;
  };
  const [live, archived] = [await workspace('Live'), await workspace('Archived')];
  const trashed = await workspace('Trashed');
  const ids = [
    await file(live, 'notebook.md', '# N\n\n```bash\necho hi\n```\n'),
    await file(live, 'plain.txt', 'plain\n'),
    await file(archived, 'archived.md', '# A\n\n```bash\necho a\n```\n'),
    await file(trashed, 'trashed.md', '# T\n\n```bash\necho t\n```\n'),
  ];
  const gone = await file(live, 'gone.md', '# G\n');
  await call(host, 'DELETE', `/files/${gone}`, headers);
  await host.query('update workspaces set archived_at = now() where id = $1', [archived]);
  await host.query('update workspaces set deleted_at = now() where id = $1', [trashed]);
  const notebooks = await host.query<{ id: string; notebook_id: string; file_id: string }>(
    'select t.id, t.notebook_id, n.file_id from tasks t join notebooks n on n.id = t.notebook_id where n.file_id = any($1)',
    [ids],
  );
  for (const notebook of notebooks) {
    const run = randomUUID();
    await host.query(
      `insert into task_runs (id, team_id, task_id, notebook_id, user_id, status, language, source, finished_at)
       values ($1, $2, $3, $4, $5, 'succeeded', 'bash', 'echo hi', now())`,
      [run, team, notebook.id, notebook.notebook_id, person.id],
    );
    await host.query(
      `insert into task_run_outputs (id, team_id, run_id, seq, stream, mime_type, data)
       values ($1, $2, $3, 1, 'stdout', 'text/plain', 'hi')`,
      [randomUUID(), team, run],
    );
    await host.query(
      `insert into pictures (id, team_id, file_id, version, status) values ($1, $2, $3, 1, 'ready')`,
      [randomUUID(), team, notebook.file_id],
    );
  }
  await call(host, 'POST', '/invitations', headers, 'invitations', {
    email: `${randomUUID()}@example.com`,
    role: 'member',
  }).catch(() => undefined);
  await host.query("select notify_person($1, 'membership.removed', $2, '{}')", [person.id, team]);
}

type Answer = { data: { id: string }; meta: Record<string, unknown> };

async function call(
  host: Host,
  method: string,
  path: string,
  headers: Record<string, string>,
  type?: string,
  attributes?: object,
  relationships?: object,
): Promise<Answer> {
  const response = await fetch(`${host.url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(type ? { 'content-type': media } : {}) },
    ...(type ? { body: JSON.stringify({ data: { type, attributes, relationships } }) } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === '' ? {} : JSON.parse(text)) as Answer;
}
