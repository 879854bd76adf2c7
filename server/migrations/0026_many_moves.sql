-- Very many files move in one push: the check of their folders reads only the paths that it is about.
create or replace function refuse_folder_clash() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  parts constant text[] := string_to_array(new.folded_path, '/');
  folder text;
  next record;
begin
  -- A file that has left its path and has no other yet is in nobody's way.
  if new.deleted_at is not null or starts_with(new.folded_path, chr(1)) then return new; end if;
  perform from workspaces w where w.team_id = new.team_id and w.id = new.workspace_id for no key update;
  -- The order is what makes any plan take the index of paths. Both bounds are needed: behind the folder may
  -- be very many paths that this transaction has left, and each would be read to find the next.
  select f.folded_path into next from files f
    where f.team_id = new.team_id and f.workspace_id = new.workspace_id and f.deleted_at is null
      and f.folded_path >= new.folded_path || '/' and f.folded_path < new.folded_path || '0'
    order by f.folded_path limit 1;
  if found then
    raise exception 'a file is where a folder is' using errcode = 'unique_violation', constraint = 'files_folder';
  end if;
  for n in reverse array_length(parts, 1) - 1 .. 1 loop
    folder := array_to_string(parts[1:n], '/');
    select f.path into next from files f
      where f.team_id = new.team_id and f.workspace_id = new.workspace_id and f.deleted_at is null
        and f.id <> new.id and f.folded_path >= folder and f.folded_path <= folder
      order by f.folded_path limit 1;
    if found then
      raise exception 'a file is where a folder is' using errcode = 'unique_violation', constraint = 'files_folder';
    end if;
    select f.path into next from files f
      where f.team_id = new.team_id and f.workspace_id = new.workspace_id and f.deleted_at is null
        and f.id <> new.id and f.folded_path >= folder || '/' and f.folded_path < folder || '0'
      order by f.folded_path limit 1;
    if found then
      if (string_to_array(next.path, '/'))[1:n] <> (string_to_array(new.path, '/'))[1:n] then
        raise exception 'two folders differ in case only' using errcode = 'unique_violation', constraint = 'files_folder_case';
      end if;
      exit;
    end if;
  end loop;
  return new;
end $$;
