-- What a request with an `Idempotency-Key` was answered, for a day. Without an answer it still runs, or
-- was cut off. The key is kept as a hash, and the answer sealed, since it may hold what is shown once.
create table idempotency_keys (
  team_id uuid not null references teams on delete cascade,
  user_id uuid not null,
  hash bytea not null,
  fingerprint bytea not null,
  answer bytea,
  inserted_at timestamptz not null default now(),
  primary key (team_id, user_id, hash)
);
create index idempotency_keys_age on idempotency_keys (team_id, inserted_at);
alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy tenant on idempotency_keys
  using (team_id = current_team() and user_id = current_person())
  with check (team_id = current_team() and user_id = current_person());
grant select, insert, update, delete on idempotency_keys to kyozo_server;
