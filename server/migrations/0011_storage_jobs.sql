-- Where content belongs when it lies elsewhere because its backend was down: null where it lies at home.
-- The partial indexes hold nothing but what has to come home.
alter table file_versions add home_backend text check (home_backend in ('s3', 'disk', 'hybrid', 'ram'));
alter table pictures add home_backend text check (home_backend in ('s3', 'disk', 'hybrid', 'ram'));
alter table lfs_objects add home_backend text check (home_backend in ('s3', 'disk', 'hybrid', 'ram'));
create index file_versions_away on file_versions (team_id, id) where home_backend is not null;
create index pictures_away on pictures (team_id, id) where home_backend is not null;
create index lfs_objects_away on lfs_objects (team_id, sha256) where home_backend is not null;
-- What the collection asks by.
create index pictures_address on pictures (team_id, address) where address is not null;
create index lfs_objects_content on lfs_objects (team_id, sha256);
create index files_trash on files (team_id, deleted_at) where deleted_at is not null;

-- Where a workspace keeps what lies outside git; null: the rules say.
alter table workspaces add storage_backend text check (storage_backend in ('s3', 'disk', 'hybrid'));

-- Where content lay before it was moved: who read its row before that may read it there for a while.
create table former_places (
  team_id uuid not null references teams on delete cascade,
  address text not null,
  storage_backend text not null,
  left_at timestamptz not null default now(),
  primary key (team_id, address, storage_backend)
);

-- Workspaces on their way from one backend to another.
create table storage_moves (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  workspace_id uuid not null,
  user_id uuid,
  backend text not null check (backend in ('s3', 'disk', 'hybrid')),
  status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  reason text,
  total integer,
  done integer not null default 0,
  bytes bigint not null default 0,
  failures integer not null default 0,
  -- What the workspace had chosen before; a move that is cancelled gives it back.
  former_backend text,
  started_at timestamptz,
  finished_at timestamptz,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint storage_moves_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
create unique index storage_moves_one on storage_moves (team_id, workspace_id) where status in ('queued', 'running');
create index storage_moves_list on storage_moves (team_id, workspace_id, id desc);

-- What the last look at a team's contents has found.
create table storage_health (
  team_id uuid primary key references teams on delete cascade,
  checked integer not null,
  bytes bigint not null,
  damaged integer not null,
  missing integer not null,
  unreachable integer not null,
  -- Some of the versions concerned, at most a hundred.
  versions uuid[] not null default '{}',
  checked_at timestamptz not null default now()
);

do $$
declare tenant text;
begin
  foreach tenant in array array['former_places', 'storage_moves', 'storage_health'] loop
    execute format('alter table %I enable row level security', tenant);
    execute format('alter table %I force row level security', tenant);
    execute format('create policy tenant on %I using (team_id = current_team()) with check (team_id = current_team())', tenant);
    execute format('grant select, insert, update, delete on %I to kyozo_server', tenant);
  end loop;
  foreach tenant in array array['file_versions', 'lfs_objects', 'document_updates', 'storage_health'] loop
    execute format('create policy definer on %I to kyozo_definer using (true) with check (true)', tenant);
    execute format('grant select on %I to kyozo_definer', tenant);
  end loop;
end $$;

-- Work over all teams begins with these; what is done is then done in a team, under its own security.
create function teams_after(previous uuid, most integer) returns table (team_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select id from teams where id > previous order by id limit most
$$;
create function teams_with_content_away() returns table (team_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select v.team_id from file_versions v where v.home_backend is not null
  union select m.team_id from pictures m where m.home_backend is not null
  union select l.team_id from lfs_objects l where l.home_backend is not null
$$;
-- Documents whose newest edit is older than that and in no version.
create function unpublished_documents(quiet interval, most integer) returns table (team_id uuid, file_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select u.team_id, u.file_id from document_updates u
    join files f on f.team_id = u.team_id and f.id = u.file_id
  where f.deleted_at is null
  group by u.team_id, u.file_id having max(u.inserted_at) < now() - quiet
  order by min(u.inserted_at) limit most
$$;
create function workspaces_after(previous uuid, most integer) returns table (team_id uuid, workspace_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select w.team_id, w.id from workspaces w where w.id > previous and w.head_commit is not null order by w.id limit most
$$;
create function storage_faults() returns table (damaged bigint, missing bigint)
language sql stable security definer set search_path = public, pg_temp as $$
  select coalesce(sum(h.damaged), 0)::bigint, coalesce(sum(h.missing), 0)::bigint from storage_health h
$$;
-- Tells the owners and admins of the running team.
create function notify_admins(kind text, data jsonb) returns table (person uuid)
language sql security definer set search_path = public, pg_temp as $$
  select m.user_id from user_teams m, lateral notify_person(m.user_id, $1, m.team_id, $2)
  where m.team_id = current_team() and m.role in ('owner', 'admin')
$$;

alter table notifications drop constraint notifications_kind;
alter table notifications add constraint notifications_kind check (kind in (
  'invitation.received', 'invitation.accepted', 'membership.role-changed', 'membership.removed',
  'team.deleted', 'security.refresh-reuse', 'security.password-changed',
  'security.second-factor-changed', 'security.email-changed', 'security.passkey-changed',
  'storage.damaged'));

grant create on schema public to kyozo_definer;
alter function teams_after(uuid, integer) owner to kyozo_definer;
alter function teams_with_content_away() owner to kyozo_definer;
alter function unpublished_documents(interval, integer) owner to kyozo_definer;
alter function workspaces_after(uuid, integer) owner to kyozo_definer;
alter function storage_faults() owner to kyozo_definer;
alter function notify_admins(text, jsonb) owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function teams_after(uuid, integer), teams_with_content_away(), unpublished_documents(interval, integer),
  workspaces_after(uuid, integer), storage_faults(), notify_admins(text, jsonb) from public;
grant execute on function teams_after(uuid, integer), teams_with_content_away(), unpublished_documents(interval, integer),
  workspaces_after(uuid, integer), storage_faults(), notify_admins(text, jsonb) to kyozo_server;
grant execute on function notify_person(uuid, text, uuid, jsonb) to kyozo_definer;
