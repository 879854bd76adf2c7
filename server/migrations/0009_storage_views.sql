-- What is stored, read from the versions that name it: nothing is written twice, and row-level security
-- is that of the tables. `xmin` is what every record's entity tag is made of.
-- Each content of a team, once for each backend that keeps it. Its id is that of the first version.
create view blobs with (security_invoker = true) as
  select (array_agg(id order by id))[1] as id, team_id, sha256, storage_backend, min(size) as size,
    (array_agg(content_type order by id))[1] as content_type, count(*)::integer as version_count,
    min(inserted_at) as inserted_at, max(xmin::text::bigint) as xmin
  from file_versions group by team_id, sha256, storage_backend;

-- What a workspace keeps in a backend: its newest contents, and all of them.
create view storage_resources with (security_invoker = true) as
  select (array_agg(v.id order by v.id))[1] as id, v.team_id, f.workspace_id, v.storage_backend,
    (count(*) filter (where v.version = f.version and f.deleted_at is null))::integer as file_count,
    coalesce(sum(v.size) filter (where v.version = f.version and f.deleted_at is null), 0)::bigint as file_size,
    count(*)::integer as version_count, sum(v.size)::bigint as version_size,
    max(v.inserted_at) as updated_at, max(v.xmin::text::bigint) as xmin
  from file_versions v join files f on f.team_id = v.team_id and f.id = v.file_id
  group by v.team_id, f.workspace_id, v.storage_backend;

grant select on blobs, storage_resources to kyozo_server;
