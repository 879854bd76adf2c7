-- Branches as records. A branch has an id of its own; that of `main`, which has a row of git's only once it
-- was pushed to, follows from its workspace.
alter table git_refs add column id uuid not null default new_id();
create unique index git_refs_id on git_refs (team_id, id);

-- What git was asked about a branch, as long as neither it nor `main` has moved: worked out when it is read.
create table branch_facts (
  team_id uuid not null references teams on delete cascade,
  workspace_id uuid not null,
  name text not null,
  head text not null,
  main text,
  ahead integer not null check (ahead >= 0),
  behind integer not null check (behind >= 0),
  message text not null,
  authors jsonb not null,
  committed_at timestamptz,
  primary key (team_id, workspace_id, name),
  constraint branch_facts_workspace foreign key (team_id, workspace_id) references workspaces (team_id, id) on delete cascade
);
alter table branch_facts enable row level security;
alter table branch_facts force row level security;
create policy tenant on branch_facts using (team_id = current_team()) with check (team_id = current_team());
grant select, insert, update, delete on branch_facts to kyozo_server;

-- `xmin` is what every record's entity tag is made of: here of what the record says.
create view branches with (security_invoker = true) as
  with heads as (
    select md5('main ' || w.id)::uuid as id, w.team_id, w.id as workspace_id, 'main' as name,
      w.head_commit as head, w.head_commit as main
    from workspaces w
    union all
    select r.id, r.team_id, r.workspace_id, substr(r.name, 12), r.oid, w.head_commit
    from git_refs r join workspaces w on w.team_id = r.team_id and w.id = r.workspace_id
    where r.name like 'refs/heads/_%' and r.name <> 'refs/heads/main'
  )
  select h.*, f.head is not null as is_known, f.ahead, f.behind, f.message, f.authors, f.committed_at,
    hashtextextended(concat_ws(' ', h.head, h.main, f.head is not null), 0) as xmin
  from heads h left join branch_facts f on f.team_id = h.team_id and f.workspace_id = h.workspace_id
    and f.name = h.name and f.head = h.head and f.main is not distinct from h.main;
grant select on branches to kyozo_server;
