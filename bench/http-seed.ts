import pg from 'pg';
import type { Team } from './http-sides.ts';

/** One person who owns so many teams, each with a workspace of so many files. */
export async function seed(
  url: string,
  databaseUrl: string,
  size: { teams: number; files: number },
): Promise<{ token: string; teams: Team[] }> {
  const response = await fetch(`${url}/api/v1/users/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({
      data: {
        type: 'users',
        attributes: { name: 'Bench', email: 'bench@example.com', password: 'correct horse' },
      },
    }),
  });
  const { data, meta } = (await response.json()) as {
    data: { id: string };
    meta: { accessToken: string };
  };
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    `insert into teams (id, name, slug) select uuidv7(), 'Team ' || n, 'team-' || n from generate_series(1, $1::int) n`,
    [size.teams],
  );
  await client.query(
    `insert into user_teams (id, team_id, user_id, role) select uuidv7(), id, $1, 'owner' from teams where not personal`,
    [data.id],
  );
  await client.query(
    `insert into workspaces (id, team_id, name, slug) select uuidv7(), id, 'Docs', 'docs' from teams where not personal`,
  );
  // Looked for by the trigger, row by row: a million rows would take an hour, and nothing can clash here.
  await client.query('alter table files disable trigger files_folder');
  await client.query(
    `insert into files (id, team_id, workspace_id, path, folded_path, name, size)
    select uuidv7(), team_id, id, 'note-' || n || '.md', 'note-' || n || '.md', 'note-' || n || '.md', n * 100
    from workspaces, generate_series(1, $1::int) n`,
    [size.files],
  );
  await client.query('alter table files enable trigger files_folder');
  await client.query('vacuum analyze');
  const { rows } = await client.query<Team>(
    `select w.team_id, w.id as workspace_id, (select f.id from files f where f.team_id = w.team_id and f.workspace_id = w.id limit 1) as file_id
     from workspaces w where name = 'Docs'`,
  );
  await client.end();
  return { token: meta.accessToken, teams: rows };
}
