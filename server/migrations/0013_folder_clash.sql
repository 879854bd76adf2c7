-- A file and a folder cannot have one name. What places files in a workspace holds its row, or waits for
-- it here: one lock for a push of any size (a lock for each first folder filled the table of locks), and
-- the same that a push takes first, so that the two cannot wait for each other. It runs as the definer
-- because under row-level security a range of text is no condition of an index: each file of a push read
-- all that came before it.
create or replace function refuse_folder_clash() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  folders text[];
  next text;
begin
  if new.deleted_at is not null then return new; end if;
  perform from workspaces w where w.team_id = new.team_id and w.id = new.workspace_id for no key update;
  select coalesce(array_agg(array_to_string(parts[1:n], '/')), '{}') into folders
    from (select string_to_array(new.folded_path, '/') as parts) p, generate_series(1, array_length(parts, 1) - 1) n;
  -- The first path behind the folder's: the order is what makes any plan take the index of paths.
  select f.folded_path into next from files f
    where f.team_id = new.team_id and f.workspace_id = new.workspace_id and f.deleted_at is null
      and f.folded_path >= new.folded_path || '/' order by f.folded_path limit 1;
  if next < new.folded_path || '0' or exists (
    select from files f where f.team_id = new.team_id and f.workspace_id = new.workspace_id
      and f.deleted_at is null and f.id <> new.id and f.folded_path = any (folders)
    )
  then
    raise exception 'a file is where a folder is' using errcode = 'unique_violation', constraint = 'files_folder';
  end if;
  return new;
end $$;

-- Of the row, only its lock is wanted.
grant update (head_commit) on workspaces to kyozo_definer;
grant create on schema public to kyozo_definer;
alter function refuse_folder_clash() owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
