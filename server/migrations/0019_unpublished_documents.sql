-- Documents with edits that no version holds. In any order: with the oldest first, a thousand that cannot
-- become versions would keep all others away. Those in the trash come back with their edits.
create or replace function unpublished_documents(quiet interval, most integer) returns table (team_id uuid, file_id uuid)
language sql volatile security definer set search_path = public, pg_temp as $$
  select u.team_id, u.file_id from document_updates u
    join files f on f.team_id = u.team_id and f.id = u.file_id
    join workspaces w on w.team_id = f.team_id and w.id = f.workspace_id
  where f.deleted_at is null and w.deleted_at is null
  group by u.team_id, u.file_id having max(u.inserted_at) < now() - quiet
  order by random() limit most
$$;
