-- Roles that own nothing. The login roles that use them are made at start, one pair a database.
do $$
begin
  if not exists (select from pg_roles where rolname = 'kyozo_server') then
    create role kyozo_server nologin nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
  if not exists (select from pg_roles where rolname = 'kyozo_auth') then
    create role kyozo_auth nologin nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
  -- Owns the few functions that must look across teams, so that not even the tables' owner has to.
  if not exists (select from pg_roles where rolname = 'kyozo_definer') then
    create role kyozo_definer nologin nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
  execute format('grant kyozo_definer to %I', current_user);
end $$;
revoke all on schema public from public;
grant usage on schema public to kyozo_server, kyozo_auth;

-- The tenant and the person of the running transaction. An unset setting is NULL, one that was set
-- in an earlier transaction is '': both must deny and neither may raise.
create function current_team() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.team_id', true), '')::uuid $$;
create function current_person() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.user_id', true), '')::uuid $$;

-- Identity. Only better-auth's role writes passwords, sessions and verifications.
create table users (
  id uuid primary key,
  name text not null,
  email text not null,
  email_verified boolean not null default false,
  image text,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email on users (lower(email));

create table accounts (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  account_id text not null,
  provider_id text not null,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider_id, account_id)
);
create index accounts_user on accounts (user_id);

-- A session is a family of refresh tokens; deleting it ends everything that was issued in it.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  token text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index sessions_user on sessions (user_id);

create table verifications (
  id uuid primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table refresh_tokens (
  hash bytea primary key,
  session_id uuid not null references sessions on delete cascade,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index refresh_tokens_session on refresh_tokens (session_id);

create table signing_keys (
  id text primary key,
  public_key jsonb not null,
  sealed_private_key bytea not null,
  inserted_at timestamptz not null default now()
);

-- Teams.
create table teams (
  id uuid primary key,
  name text not null,
  slug text not null constraint teams_slug unique,
  personal boolean not null default false,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table user_teams (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  user_id uuid not null references users on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member')),
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint user_teams_member unique (team_id, user_id)
);
create index user_teams_user on user_teams (user_id);

create table api_keys (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  user_id uuid not null references users on delete cascade,
  name text not null,
  hash bytea not null unique,
  start text not null,
  scopes text[] not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  inserted_at timestamptz not null default now(),
  unique (team_id, id)
);

-- Workspaces and files.
create table workspaces (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  name text not null,
  slug text not null,
  description text,
  archived_at timestamptz,
  head_commit text,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint workspaces_slug unique (team_id, slug)
);
create index workspaces_list on workspaces (team_id, id desc);

create table files (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  workspace_id uuid not null,
  path text not null,
  folded_path text not null,
  name text not null,
  content_type text not null default 'application/octet-stream',
  size bigint not null default 0,
  version integer not null default 0,
  storage_backend text check (storage_backend in ('git', 's3', 'disk', 'ram', 'hybrid')),
  address text,
  sha256 text,
  live boolean not null default false,
  metadata jsonb not null default '{}',
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (team_id, id),
  constraint files_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
create unique index files_path on files (team_id, workspace_id, folded_path) where deleted_at is null;
create index files_list on files (team_id, id desc) where deleted_at is null;
create index files_workspace_list on files (team_id, workspace_id, id desc) where deleted_at is null;

-- A file and a folder cannot have one name. The lock makes two writers below the same first folder
-- take turns, so that neither misses what the other has not committed yet.
create function refuse_folder_clash() returns trigger language plpgsql as $$
begin
  if new.deleted_at is not null then return new; end if;
  perform pg_advisory_xact_lock(hashtextextended(new.workspace_id::text || split_part(new.folded_path, '/', 1), 1));
  if exists (
    select from files f where f.team_id = new.team_id and f.workspace_id = new.workspace_id
      and f.deleted_at is null and f.id <> new.id
      and f.folded_path in (select array_to_string(parts[1:n], '/')
        from (select string_to_array(new.folded_path, '/') as parts) p, generate_series(1, array_length(parts, 1) - 1) n)
    ) or exists (
    select from files f where f.team_id = new.team_id and f.workspace_id = new.workspace_id
      and f.deleted_at is null and f.folded_path >= new.folded_path || '/' and f.folded_path < new.folded_path || '0'
    )
  then
    raise exception 'a file is where a folder is' using errcode = 'unique_violation', constraint = 'files_folder';
  end if;
  return new;
end $$;
create trigger files_folder before insert or update of folded_path, deleted_at on files
  for each row execute function refuse_folder_clash();

create table file_versions (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  file_id uuid not null,
  version integer not null,
  message text,
  authors jsonb not null default '[]',
  size bigint not null,
  content_type text not null,
  storage_backend text not null,
  address text not null,
  sha256 text not null,
  commit text,
  inserted_at timestamptz not null default now(),
  unique (team_id, id),
  constraint file_versions_number unique (team_id, file_id, version),
  constraint file_versions_file foreign key (team_id, file_id) references files (team_id, id) on delete cascade
);

-- Live documents: an append-only log of Yjs updates and a snapshot that it folds into.
create table document_states (
  file_id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  snapshot bytea not null,
  snapshot_seq bigint not null default 0,
  base_version integer not null default 0,
  unique (team_id, file_id),
  constraint document_states_file foreign key (team_id, file_id) references files (team_id, id) on delete cascade
);
create table document_updates (
  file_id uuid not null,
  team_id uuid not null references teams on delete cascade,
  seq bigint not null,
  update bytea not null,
  user_id uuid,
  inserted_at timestamptz not null default now(),
  primary key (file_id, seq),
  constraint document_updates_state foreign key (team_id, file_id) references document_states (team_id, file_id) on delete cascade
);

-- Notebooks: what runs in a file, and what it said.
create table notebooks (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  file_id uuid not null,
  title text not null,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint notebooks_file_once unique (team_id, file_id),
  constraint notebooks_file foreign key (team_id, file_id) references files (team_id, id) on delete cascade
);
create table tasks (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  notebook_id uuid not null,
  name text not null,
  language text not null,
  source text not null,
  attributes jsonb not null default '{}',
  depends_on text[] not null default '{}',
  position integer not null,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint tasks_name unique (team_id, notebook_id, name),
  constraint tasks_notebook foreign key (team_id, notebook_id) references notebooks (team_id, id) on delete cascade
);
create table task_runs (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  task_id uuid,
  notebook_id uuid not null,
  user_id uuid not null references users on delete cascade,
  status text not null check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  language text not null,
  source text not null,
  exit_code integer,
  reason text,
  runtime text,
  started_at timestamptz,
  finished_at timestamptz,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint task_runs_task foreign key (team_id, task_id) references tasks (team_id, id) on delete set null (task_id),
  constraint task_runs_notebook foreign key (team_id, notebook_id) references notebooks (team_id, id) on delete cascade
);
create index task_runs_task_list on task_runs (team_id, task_id, id desc);
create index task_runs_notebook_list on task_runs (team_id, notebook_id, id desc);
create table task_run_outputs (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  run_id uuid not null,
  seq integer not null,
  stream text not null check (stream in ('stdout', 'stderr', 'result', 'display', 'error')),
  mime_type text not null,
  data text not null,
  inserted_at timestamptz not null default now(),
  unique (team_id, id),
  constraint task_run_outputs_seq unique (team_id, run_id, seq),
  constraint task_run_outputs_run foreign key (team_id, run_id) references task_runs (team_id, id) on delete cascade
);

-- The log. `seq` orders the changes of one record; (xid, seq) below the oldest running transaction
-- orders what a reader may be shown, so that nothing appears behind a cursor.
create table events (
  id uuid not null,
  -- No reference: the log outlives what it tells of.
  team_id uuid not null,
  seq bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  user_id uuid,
  resource text not null,
  record_id uuid not null,
  name text not null,
  version integer not null,
  state jsonb not null,
  occurred_at timestamptz not null default now(),
  primary key (team_id, id)
);
create index events_stream on events (team_id, xid, seq);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'events are immutable' using errcode = 'insufficient_privilege';
end $$;
create trigger events_immutable before update or truncate on events
  for each statement execute function refuse_change();

-- What an event shows of a record's state: camelCase names, without what no edge shows.
create function event_data(state jsonb) returns jsonb language sql immutable parallel safe as $$
  select coalesce(jsonb_object_agg(
    (select string_agg(case when n = 1 then part else initcap(part) end, '' order by n)
       from unnest(string_to_array(key, '_')) with ordinality as parts (part, n)), value), '{}')
  from jsonb_each(state)
  where key not in ('team_id', 'hash', 'folded_path', 'address', 'head_commit', 'live', 'email_verified')
$$;

-- Every tenant table: FORCEd row-level security on the team of the transaction.
do $$
declare tenant text;
begin
  foreach tenant in array array['api_keys', 'workspaces', 'files', 'file_versions', 'document_states',
    'document_updates', 'notebooks', 'tasks', 'task_runs', 'task_run_outputs', 'events'] loop
    execute format('alter table %I enable row level security', tenant);
    execute format('alter table %I force row level security', tenant);
    execute format('create policy tenant on %I using (team_id = current_team()) with check (team_id = current_team())', tenant);
    execute format('grant select, insert, update, delete on %I to kyozo_server', tenant);
  end loop;
end $$;
revoke update, delete on events from kyozo_server;

-- A person also sees the teams and memberships that are their own, in whichever team they act.
alter table teams enable row level security;
alter table teams force row level security;
create policy tenant on teams using (id = current_team()) with check (id = current_team());
alter table user_teams enable row level security;
alter table user_teams force row level security;
create policy tenant on user_teams using (team_id = current_team()) with check (team_id = current_team());
create policy own on user_teams for select using (user_id = current_person());
create policy own on teams for select
  using (exists (select from user_teams m where m.team_id = teams.id and m.user_id = current_person()));
alter table users enable row level security;
alter table users force row level security;
create policy member on users for select using (
  id = current_person()
  or exists (select from user_teams m where m.user_id = users.id and m.team_id = current_team()));
create policy self on users for update using (id = current_person()) with check (id = current_person());
grant select, insert, update, delete on teams, user_teams to kyozo_server;
grant select on users to kyozo_server;
grant update (name, image, updated_at) on users to kyozo_server;

-- better-auth's role: identity tables only.
create policy auth on users to kyozo_auth using (true) with check (true);
grant select, insert, update, delete on users, accounts, sessions, verifications, refresh_tokens to kyozo_auth;
grant select, insert on signing_keys to kyozo_auth;

-- Enters a team for the running transaction, and refuses unless the person is a member in that role
-- and the credential still stands. Every request's first statement: a revoked session, key or
-- membership ends at the next statement on every node, with no cache to clear.
create function enter(team uuid, person uuid, claimed_role text, kind text, credential uuid)
returns void language plpgsql security definer set search_path = public as $$
begin
  if not exists (
    select from user_teams m where m.team_id = team and m.user_id = person and m.role = claimed_role
  ) or not (case kind
    when 'session' then exists (select from sessions s where s.id = credential and s.user_id = person and s.expires_at > now())
    when 'key' then exists (select from api_keys k where k.id = credential and k.user_id = person and k.team_id = team
      and (k.expires_at is null or k.expires_at > now()))
    else false end)
  then
    raise exception 'the credential or the membership has ended' using errcode = 'KY001';
  end if;
  perform set_config('app.team_id', team::text, true), set_config('app.user_id', person::text, true);
end $$;

-- Finds who a credential is and in which team it acts; `team` null means the key's or the personal one.
create function resolve_session(credential uuid, person uuid, team uuid)
returns table (user_id uuid, team_id uuid, role text) language sql stable security definer set search_path = public as $$
  select m.user_id, m.team_id, m.role
  from user_teams m join teams t on t.id = m.team_id
  where m.user_id = person
    and exists (select from sessions s where s.id = credential and s.user_id = person and s.expires_at > now())
    and (m.team_id = team or (team is null))
  order by t.personal desc, t.id limit 1
$$;
create function resolve_key(key_hash bytea)
returns table (key_id uuid, user_id uuid, team_id uuid, role text, scopes text[]) language sql stable security definer set search_path = public as $$
  select k.id, k.user_id, k.team_id, m.role, k.scopes
  from api_keys k join user_teams m on m.team_id = k.team_id and m.user_id = k.user_id
  where k.hash = key_hash and (k.expires_at is null or k.expires_at > now())
$$;
-- Which team and workspace a git address names, for a member.
create function locate_workspace(person uuid, team_slug text, workspace_slug text)
returns table (team_id uuid, workspace_id uuid) language sql stable security definer set search_path = public as $$
  select w.team_id, w.id from workspaces w
  join teams t on t.id = w.team_id
  join user_teams m on m.team_id = t.id and m.user_id = person
  where t.slug = team_slug and w.slug = workspace_slug
$$;
-- In which team a person may open a file.
create function team_of_file(person uuid, file uuid) returns uuid language sql stable security definer set search_path = public as $$
  select f.team_id from files f join user_teams m on m.team_id = f.team_id and m.user_id = person where f.id = file
$$;
-- Makes a team with its first owner, and the events that say so. A person's own team is made once:
-- a second call finds the first one's.
create function found_team(person uuid, team uuid, membership uuid, team_name text, team_slug text, own boolean)
returns uuid language plpgsql security definer set search_path = public as $$
declare existing uuid;
begin
  if own then
    perform pg_advisory_xact_lock(hashtextextended(person::text, 0));
    select t.id into existing from teams t join user_teams m on m.team_id = t.id
      where m.user_id = person and t.personal limit 1;
    if existing is not null then return existing; end if;
  end if;
  insert into teams (id, name, slug, personal) values (team, team_name, team_slug, own);
  insert into user_teams (id, team_id, user_id, role) values (membership, team, person, 'owner');
  if own then
    insert into events (id, team_id, user_id, resource, record_id, name, version, state)
      select gen_random_uuid(), team, person, 'users', u.id, 'user.registered', 1, to_jsonb(u) from users u where u.id = person;
  end if;
  insert into events (id, team_id, user_id, resource, record_id, name, version, state)
    select gen_random_uuid(), team, person, 'teams', t.id, 'team.created', 1, to_jsonb(t) from teams t where t.id = team;
  insert into events (id, team_id, user_id, resource, record_id, name, version, state)
    select gen_random_uuid(), team, person, 'user-teams', m.id, 'user-team.created', 1, to_jsonb(m) from user_teams m where m.id = membership;
  return team;
end $$;
-- Runs that a stopped server left open, over all teams; the server itself has no such reach.
create function interrupt_open_runs() returns integer language sql security definer set search_path = public as $$
  with ended as (
    update task_runs set status = 'failed', reason = 'interrupted', finished_at = now(), updated_at = now()
    where status in ('queued', 'running') returning *
  ), logged as (
    insert into events (id, team_id, resource, record_id, name, version, state)
    select gen_random_uuid(), team_id, 'task-runs', id, 'task-run.finished', 1, to_jsonb(ended) from ended
  )
  select count(*)::integer from ended
$$;

-- What those functions may reach, and nothing more.
do $$
declare name text;
begin
  foreach name in array array['users', 'teams', 'user_teams', 'api_keys', 'workspaces', 'files', 'task_runs', 'events'] loop
    execute format('create policy definer on %I to kyozo_definer using (true) with check (true)', name);
  end loop;
end $$;
grant select on users, sessions, api_keys, workspaces, files to kyozo_definer;
grant select, insert on teams, user_teams, events to kyozo_definer;
grant select, update on task_runs to kyozo_definer;
grant create, usage on schema public to kyozo_definer;
alter function enter(uuid, uuid, text, text, uuid) owner to kyozo_definer;
alter function resolve_session(uuid, uuid, uuid) owner to kyozo_definer;
alter function resolve_key(bytea) owner to kyozo_definer;
alter function locate_workspace(uuid, text, text) owner to kyozo_definer;
alter function team_of_file(uuid, uuid) owner to kyozo_definer;
alter function found_team(uuid, uuid, uuid, text, text, boolean) owner to kyozo_definer;
alter function interrupt_open_runs() owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on all functions in schema public from public;
grant execute on function current_team(), current_person(), event_data(jsonb),
  enter(uuid, uuid, text, text, uuid), resolve_session(uuid, uuid, uuid), resolve_key(bytea),
  locate_workspace(uuid, text, text), team_of_file(uuid, uuid), found_team(uuid, uuid, uuid, text, text, boolean), interrupt_open_runs() to kyozo_server;
grant execute on function current_team(), current_person() to kyozo_server, kyozo_auth, kyozo_definer;
grant execute on function found_team(uuid, uuid, uuid, text, text, boolean) to kyozo_auth;
