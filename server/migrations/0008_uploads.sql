-- Uploads that resume (tus): how much of each is durable on disk, and what it became. A person's own.
create table uploads (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  user_id uuid not null,
  workspace_id uuid not null,
  purpose text not null check (purpose in ('file', 'import')),
  path text not null,
  content_type text,
  metadata text not null,
  length bigint not null check (length >= 0),
  received bigint not null default 0 check (received between 0 and length),
  -- The address of what it became, once it is complete.
  result text,
  expires_at timestamptz not null,
  inserted_at timestamptz not null default now(),
  unique (team_id, id),
  constraint uploads_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
create index uploads_end on uploads (expires_at);

-- Archives that come in or go out in the background. A person's own.
create table transfers (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  user_id uuid not null,
  -- The session or key that asked; what an export holds is given to no other.
  credential_id uuid not null,
  workspace_id uuid not null,
  kind text not null check (kind in ('import', 'export')),
  status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed')),
  reason text,
  total integer,
  done integer not null default 0,
  refused integer not null default 0,
  size bigint,
  -- The name of its file in the data folder; nobody is told it.
  address text,
  expires_at timestamptz not null,
  finished_at timestamptz,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint transfers_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
create index transfers_end on transfers (expires_at);
create table transfer_entries (
  id uuid primary key default new_id(),
  team_id uuid not null references teams on delete cascade,
  transfer_id uuid not null,
  position integer not null,
  path text not null,
  outcome text not null check (outcome in ('created', 'changed', 'same', 'refused')),
  reason text,
  inserted_at timestamptz not null default now(),
  unique (team_id, id),
  constraint transfer_entries_once unique (team_id, transfer_id, position),
  constraint transfer_entries_transfer foreign key (team_id, transfer_id) references transfers (team_id, id) on delete cascade
);

do $$
declare own text;
begin
  foreach own in array array['uploads', 'transfers', 'transfer_entries'] loop
    execute format('alter table %I enable row level security', own);
    execute format('alter table %I force row level security', own);
    execute format('grant select, insert, update, delete on %I to kyozo_server', own);
  end loop;
end $$;
-- Without a person it is the server that ends what a person's credential no longer can.
create policy tenant on uploads
  using (team_id = current_team() and user_id = current_person())
  with check (team_id = current_team() and user_id = current_person());
create policy tenant on transfers
  using (team_id = current_team() and (current_person() is null or user_id = current_person()))
  with check (team_id = current_team() and (current_person() is null or user_id = current_person()));
create policy tenant on transfer_entries
  using (team_id = current_team() and exists (
    select from transfers t where t.team_id = transfer_entries.team_id and t.id = transfer_id))
  with check (team_id = current_team() and exists (
    select from transfers t where t.team_id = transfer_entries.team_id and t.id = transfer_id));

-- Forgets what has ended, over all teams; the server itself has no such reach.
create function forget_uploads() returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare count integer; more integer;
begin
  delete from uploads where expires_at < now();
  get diagnostics count = row_count;
  delete from transfers where expires_at < now() and status in ('succeeded', 'failed');
  get diagnostics more = row_count;
  return count + more;
end $$;
create policy definer on uploads to kyozo_definer using (true) with check (true);
create policy definer on transfers to kyozo_definer using (true) with check (true);
create policy definer on transfer_entries to kyozo_definer using (true) with check (true);
grant select, delete on uploads, transfers, transfer_entries to kyozo_definer;
grant create on schema public to kyozo_definer;
alter function forget_uploads() owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function forget_uploads() from public;
grant execute on function forget_uploads() to kyozo_server;
