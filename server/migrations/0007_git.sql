-- What git holds beside files. `git_refs` is the truth of every branch and tag but `main`, whose truth is
-- workspaces.head_commit; the row of `refs/heads/main` says which commit was the last that was pushed to it.
create table git_refs (
  team_id uuid not null references teams on delete cascade,
  workspace_id uuid not null,
  name text not null,
  oid text not null check (oid ~ '^[0-9a-f]{40}$'),
  primary key (team_id, workspace_id, name),
  constraint git_refs_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);

-- What was uploaded by Git LFS: content of one workspace, by the SHA-256 of its bytes.
create table lfs_objects (
  team_id uuid not null references teams on delete cascade,
  workspace_id uuid not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size bigint not null,
  storage_backend text not null check (storage_backend in ('git', 's3', 'disk', 'ram', 'hybrid')),
  address text not null,
  inserted_at timestamptz not null default now(),
  primary key (team_id, workspace_id, sha256),
  constraint lfs_objects_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
create index file_versions_sha256 on file_versions (team_id, sha256);

do $$
declare tenant text;
begin
  foreach tenant in array array['git_refs', 'lfs_objects'] loop
    execute format('alter table %I enable row level security', tenant);
    execute format('alter table %I force row level security', tenant);
    execute format('create policy tenant on %I using (team_id = current_team()) with check (team_id = current_team())', tenant);
    execute format('grant select, insert, update, delete on %I to kyozo_server', tenant);
  end loop;
end $$;
