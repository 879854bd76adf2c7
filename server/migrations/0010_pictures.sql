-- What was found out about a file that is a picture, and the smaller one that was made of it.
create table pictures (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  file_id uuid not null,
  version integer not null,
  status text not null check (status in ('ready', 'failed')),
  reason text,
  format text,
  width integer,
  height integer,
  storage_backend text,
  address text,
  size bigint,
  inserted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (team_id, id),
  constraint pictures_file_once unique (team_id, file_id),
  constraint pictures_file foreign key (team_id, file_id) references files (team_id, id) on delete cascade
);
alter table pictures enable row level security;
alter table pictures force row level security;
create policy tenant on pictures using (team_id = current_team()) with check (team_id = current_team());
grant select, insert, update, delete on pictures to kyozo_server;

-- Pictures whose newest version nothing is known of yet, over all teams; the server has no such reach.
create index files_images on files (id) where content_type like 'image/%' and deleted_at is null;
create function unread_pictures(most integer)
returns table (team_id uuid, file_id uuid) language sql stable security definer set search_path = public, pg_temp as $$
  select f.team_id, f.id from files f
    left join pictures m on m.team_id = f.team_id and m.file_id = f.id and m.version = f.version
  where f.content_type like 'image/%' and f.content_type <> 'image/svg+xml'
    and f.deleted_at is null and f.version > 0 and m.id is null
  order by f.id limit most
$$;
create policy definer on pictures to kyozo_definer using (true) with check (true);
grant select on pictures to kyozo_definer;
grant create on schema public to kyozo_definer;
alter function unread_pictures(integer) owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function unread_pictures(integer) from public;
grant execute on function unread_pictures(integer) to kyozo_server;
