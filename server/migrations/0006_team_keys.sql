-- The keys that a team's content is encrypted with, each wrapped by the master key. New content takes
-- the newest generation; older ones stay for what was written with them. A team that goes takes its
-- keys with it, and with them the sense of whatever copy of its content is left.
create table team_keys (
  team_id uuid not null references teams on delete cascade,
  generation integer not null check (generation > 0),
  wrapped bytea not null,
  inserted_at timestamptz not null default now(),
  primary key (team_id, generation)
);
alter table team_keys enable row level security;
alter table team_keys force row level security;
create policy tenant on team_keys to kyozo_server
  using (team_id = current_team()) with check (team_id = current_team());
create policy definer on team_keys to kyozo_definer using (true) with check (true);
grant select, insert on team_keys to kyozo_server;
-- For `kyozo keys rotate`, which takes this role.
grant select, insert, update on team_keys to kyozo_definer;
