-- Folders, so that one can be listed without reading all files below it. A folder is what the paths of
-- files have in common; its row is written with its first file, and shown while it has one.

-- The last part of a path as lists sort it: numbers are padded, so that 2 comes before 10.
create function sort_name(folded text) returns text language sql immutable parallel safe as $$
  select left(regexp_replace(regexp_replace(regexp_replace(folded, '^.*/', ''),
    '(\d+)', '000000000\1', 'g'), '\d*(\d{10})(?!\d)', '\1', 'g'), 100)
$$;

alter table files
  add column folder_path text not null generated always as (regexp_replace(path, '/?[^/]*$', '')) stored,
  add column folded_name text not null generated always as (regexp_replace(folded_path, '^.*/', '')) stored,
  add column sort_name text not null generated always as (sort_name(folded_path)) stored;
create index files_folder_list on files (team_id, workspace_id, folder_path, sort_name, id) where deleted_at is null;
create index files_recent on files (team_id, updated_at desc, id desc) where deleted_at is null;

create table folder_paths (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  workspace_id uuid not null,
  path text not null,
  folded_path text not null,
  folder_path text not null generated always as (regexp_replace(path, '/?[^/]*$', '')) stored,
  name text not null generated always as (regexp_replace(path, '^.*/', '')) stored,
  folded_name text not null generated always as (regexp_replace(folded_path, '^.*/', '')) stored,
  sort_name text not null generated always as (sort_name(folded_path)) stored,
  unique (team_id, id),
  foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
create index folder_paths_list on folder_paths (team_id, workspace_id, folder_path, sort_name, id);
alter table folder_paths enable row level security;
alter table folder_paths force row level security;
create policy tenant on folder_paths using (team_id = current_team()) with check (team_id = current_team());
create policy trash on folder_paths as restrictive for select to kyozo_server using ((select current_person()) is null
  or not exists (select from workspaces w where w.team_id = current_team() and w.deleted_at is not null)
  or not exists (select from workspaces w where w.team_id = folder_paths.team_id
    and w.id = folder_paths.workspace_id and w.deleted_at is not null));
grant select, insert on folder_paths to kyozo_server;

-- The deepest first: where one is known, so are those above it. A path of two thousand levels would make
-- megabytes of rows, so folders below a hundred levels have none.
create function note_folders() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
  parts constant text[] := string_to_array(new.folder_path, '/');
  folded constant text[] := string_to_array(new.folded_path, '/');
  here text;
begin
  if new.deleted_at is not null then return null; end if;
  for n in reverse least(cardinality(parts), 100) .. 1 loop
    here := array_to_string(parts[1:n], '/');
    insert into folder_paths (id, team_id, workspace_id, path, folded_path)
      values (md5(new.workspace_id || '/' || here)::uuid, new.team_id, new.workspace_id, here,
        array_to_string(folded[1:n], '/'))
      on conflict do nothing;
    exit when not found;
  end loop;
  return null;
end $$;
create trigger files_note_folders after insert or update of path, deleted_at on files
  for each row execute function note_folders();

insert into folder_paths (id, team_id, workspace_id, path, folded_path)
  select distinct on (f.workspace_id, array_to_string(x.parts[1:n], '/'))
    md5(f.workspace_id || '/' || array_to_string(x.parts[1:n], '/'))::uuid, f.team_id, f.workspace_id,
    array_to_string(x.parts[1:n], '/'), array_to_string((string_to_array(f.folded_path, '/'))[1:n], '/')
  from files f cross join lateral (select string_to_array(f.folder_path, '/') as parts) x
    cross join lateral generate_series(1, least(cardinality(x.parts), 100)) n
  where f.deleted_at is null;

-- How many files a folder has, in all folders below too, counted up to a thousand. It runs as the definer
-- because under row-level security a range of text is no condition of an index.
create function count_below(team uuid, workspace uuid, folded text) returns integer
language sql stable security definer set search_path = public, pg_temp as $$
  select count(*)::integer from (
    select from files f where f.team_id = team and team = current_team() and f.workspace_id = workspace
      and f.deleted_at is null and f.folded_path >= folded || '/' and f.folded_path < folded || '0'
    limit 1000
  ) x
$$;
grant create on schema public to kyozo_definer;
alter function count_below(uuid, uuid, text) owner to kyozo_definer;
revoke execute on function count_below(uuid, uuid, text) from public;
grant execute on function count_below(uuid, uuid, text) to kyozo_server;
revoke create on schema public from kyozo_definer;

-- `xmin` is what the entity tag is made of.
create view folders with (security_invoker = true) as
  select p.id, p.team_id, p.workspace_id, p.path, p.folder_path, p.name, p.folded_name, p.sort_name, c.files as file_count,
    hashtextextended(p.path, c.files) as xmin
  from folder_paths p
    cross join lateral (select count_below(p.team_id, p.workspace_id, p.folded_path) as files offset 0) c
  where c.files > 0;
grant select on folders to kyozo_server;
