-- Workspaces in the trash, and archived ones that nobody changes.
alter table workspaces add column deleted_at timestamptz;
create index workspaces_trash on workspaces (team_id) where deleted_at is not null;

-- The one rule for changes in a workspace: nobody changes an archived one, or one in the trash. The server
-- itself may, because what it was given before is still to be published, moved and removed.
-- `archived_too` lets pass what may be done to an archived workspace.
create function require_open(team uuid, workspace uuid, archived_too boolean default false) returns void
language plpgsql stable set search_path = public, pg_temp as $$
declare found record;
begin
  if current_person() is null then return; end if;
  select w.archived_at, w.deleted_at into found from workspaces w
    -- A team that is being removed takes its workspaces along in any order.
    join teams t on t.id = w.team_id where w.team_id = team and w.id = workspace;
  if found.deleted_at is not null then
    raise exception 'the workspace is in the trash' using errcode = 'KY011';
  end if;
  if found.archived_at is not null and not archived_too then
    raise exception 'the workspace is archived' using errcode = 'KY010';
  end if;
end $$;

-- New rows are asked about before row-level security is, whose answer would be no sentence; changes of rows
-- once a statement and workspace.
create function refuse_closed_row() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform require_open(new.team_id, new.workspace_id);
  return new;
end $$;
create function refuse_closed_workspace() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform require_open(x.team_id, x.workspace_id) from (select distinct team_id, workspace_id from changed) x;
  return null;
end $$;
do $$
declare held text; verb text; side text;
begin
  foreach held in array array['files', 'git_refs', 'lfs_objects', 'uploads'] loop
    execute format('create trigger %I before insert on %I for each row execute function refuse_closed_row()', held || '_open', held);
    -- An upload that has begun may be written on and forgotten; what becomes of it is asked about for itself.
    continue when held = 'uploads';
    foreach verb in array array['update', 'delete'] loop
      side := case verb when 'delete' then 'old' else 'new' end;
      execute format('create trigger %I after %s on %I referencing %s table as changed
        for each statement execute function refuse_closed_workspace()', held || '_open_' || verb, verb, held, side);
    end loop;
  end loop;
end $$;

-- An archive may be packed of an archived workspace, and a run that was asked for may end.
create function refuse_closed_transfer() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform require_open(new.team_id, new.workspace_id, new.kind = 'export');
  return new;
end $$;
create trigger transfers_open before insert on transfers for each row execute function refuse_closed_transfer();
create function refuse_closed_run() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform require_open(f.team_id, f.workspace_id)
    from notebooks n join files f on f.team_id = n.team_id and f.id = n.file_id
    where n.team_id = new.team_id and n.id = new.notebook_id;
  return new;
end $$;
create trigger task_runs_open before insert on task_runs for each row execute function refuse_closed_run();

-- People see nothing of what a workspace in the trash holds; the server does, because it still keeps it.
-- The first two conditions are asked once a statement, so that a team with an empty trash pays nothing a row.
do $$
declare
  anybody constant text := '(select current_person()) is null
    or not exists (select from workspaces w where w.team_id = current_team() and w.deleted_at is not null)';
  held text;
begin
  foreach held in array array['files', 'git_refs', 'lfs_objects', 'transfers', 'storage_moves', 'branch_facts'] loop
    execute format('create policy trash on %1$I as restrictive for select to kyozo_server using (%2$s or not exists (
      select from workspaces w where w.team_id = %1$I.team_id and w.id = %1$I.workspace_id and w.deleted_at is not null))',
      held, anybody);
  end loop;
  foreach held in array array['file_versions', 'notebooks', 'pictures'] loop
    execute format('create policy trash on %1$I as restrictive for select to kyozo_server using (%2$s or exists (
      select from files f where f.team_id = %1$I.team_id and f.id = %1$I.file_id))', held, anybody);
  end loop;
  foreach held in array array['tasks', 'task_runs'] loop
    execute format('create policy trash on %1$I as restrictive for select to kyozo_server using (%2$s or exists (
      select from notebooks n where n.team_id = %1$I.team_id and n.id = %1$I.notebook_id))', held, anybody);
  end loop;
  execute format('create policy trash on task_run_outputs as restrictive for select to kyozo_server using (%s or exists (
    select from task_runs r where r.team_id = task_run_outputs.team_id and r.id = run_id))', anybody);
end $$;

-- The branches of a workspace in the trash: `main` is read from the workspace's own row.
create or replace view branches with (security_invoker = true) as
  with heads as (
    select md5('main ' || w.id)::uuid as id, w.team_id, w.id as workspace_id, 'main' as name,
      w.head_commit as head, w.head_commit as main
    from workspaces w where w.deleted_at is null
    union all
    select r.id, r.team_id, r.workspace_id, substr(r.name, 12), r.oid, w.head_commit
    from git_refs r join workspaces w on w.team_id = r.team_id and w.id = r.workspace_id
    where r.name like 'refs/heads/_%' and r.name <> 'refs/heads/main' and w.deleted_at is null
  )
  select h.*, f.head is not null as is_known, f.ahead, f.behind, f.message, f.authors, f.committed_at,
    hashtextextended(concat_ws(' ', h.head, h.main, f.head is not null), 0) as xmin
  from heads h left join branch_facts f on f.team_id = h.team_id and f.workspace_id = h.workspace_id
    and f.name = h.name and f.head = h.head and f.main is not distinct from h.main;

create or replace function locate_workspace(person uuid, team_slug text, workspace_slug text)
returns table (team_id uuid, workspace_id uuid) language sql stable security definer set search_path = public, pg_temp as $$
  select w.team_id, w.id from workspaces w
  join teams t on t.id = w.team_id
  join user_teams m on m.team_id = t.id and m.user_id = person
  where t.slug = team_slug and w.slug = workspace_slug and w.deleted_at is null
$$;

-- Folders clash as files do: two whose names differ in case or normalisation only. Files that are in one
-- folder already spell it alike, so the first one below the deepest folder that exists tells of all.
create or replace function refuse_folder_clash() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
  parts constant text[] := string_to_array(new.folded_path, '/');
  folders text[];
  folder text;
  next record;
begin
  if new.deleted_at is not null then return new; end if;
  perform from workspaces w where w.team_id = new.team_id and w.id = new.workspace_id for no key update;
  select coalesce(array_agg(array_to_string(parts[1:n], '/')), '{}') into folders
    from generate_series(1, array_length(parts, 1) - 1) n;
  -- The first path behind the folder's: the order is what makes any plan take the index of paths.
  select f.folded_path into next from files f
    where f.team_id = new.team_id and f.workspace_id = new.workspace_id and f.deleted_at is null
      and f.folded_path >= new.folded_path || '/' order by f.folded_path limit 1;
  if next.folded_path < new.folded_path || '0' or exists (
    select from files f where f.team_id = new.team_id and f.workspace_id = new.workspace_id
      and f.deleted_at is null and f.id <> new.id and f.folded_path = any (folders)
    )
  then
    raise exception 'a file is where a folder is' using errcode = 'unique_violation', constraint = 'files_folder';
  end if;
  for n in reverse array_length(parts, 1) - 1 .. 1 loop
    folder := array_to_string(parts[1:n], '/');
    select f.folded_path, f.path into next from files f
      where f.team_id = new.team_id and f.workspace_id = new.workspace_id and f.deleted_at is null
        and f.id <> new.id and f.folded_path >= folder || '/' order by f.folded_path limit 1;
    if next.folded_path < folder || '0' then
      if (string_to_array(next.path, '/'))[1:n] <> (string_to_array(new.path, '/'))[1:n] then
        raise exception 'two folders differ in case only' using errcode = 'unique_violation', constraint = 'files_folder_case';
      end if;
      exit;
    end if;
  end loop;
  return new;
end $$;
drop trigger files_folder on files;
create trigger files_folder before insert or update of path, folded_path, deleted_at on files
  for each row execute function refuse_folder_clash();

grant create on schema public to kyozo_definer;
alter function locate_workspace(uuid, text, text) owner to kyozo_definer;
alter function refuse_folder_clash() owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function require_open(uuid, uuid, boolean) from public;
grant execute on function require_open(uuid, uuid, boolean) to kyozo_server, kyozo_definer;
