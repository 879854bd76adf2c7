-- Tokens that come by mail or from a provider's callback: only the hash is kept, a use deletes the row.
create table one_time_tokens (
  hash bytea primary key,
  kind text not null check (kind in ('confirmation', 'email-change', 'reset', 'magic-link', 'provider')),
  user_id uuid not null references users on delete cascade,
  -- The address it was sent to: once the person has another one, the token is void.
  email text not null,
  expires_at timestamptz not null,
  inserted_at timestamptz not null default now()
);
create index one_time_tokens_user on one_time_tokens (user_id);

-- The second factor: a secret that only the server can read, and codes for when the device is lost.
create table second_factors (
  user_id uuid primary key references users on delete cascade,
  sealed_secret bytea not null,
  -- Null while it is being set up.
  enabled_at timestamptz,
  -- The last time step that was accepted; it and earlier ones are refused from then on.
  last_step bigint not null default 0,
  inserted_at timestamptz not null default now()
);
create table recovery_codes (
  user_id uuid not null references second_factors on delete cascade,
  hash bytea not null,
  primary key (user_id, hash)
);

create table passkeys (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  name text not null,
  credential_id text not null constraint passkeys_credential unique,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null default '{}',
  inserted_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index passkeys_user on passkeys (user_id);
-- What an authenticator is to sign. A use deletes the row.
create unlogged table passkey_challenges (
  challenge text primary key,
  -- Whose new passkey it is for; null when somebody signs in.
  user_id uuid references users on delete cascade,
  expires_at timestamptz not null
);

-- Tries by whoever guesses, for all nodes; worth nothing after a crash.
create unlogged table attempts (
  key bytea primary key,
  count integer not null,
  ends_at timestamptz not null
);
create index attempts_end on attempts (ends_at);

-- A key signs until it is retired and verifies until it ends.
alter table signing_keys add column retired_at timestamptz, add column expires_at timestamptz;

-- A session is seen by its person, without what better-auth keeps in it.
alter table sessions enable row level security;
alter table sessions force row level security;
create policy auth on sessions to kyozo_auth using (true) with check (true);
create policy definer on sessions to kyozo_definer using (true) with check (true);
create policy own on sessions for select to kyozo_server
  using (user_id = current_person() and expires_at > now());
grant select (xmin, id, user_id, ip_address, user_agent, inserted_at, updated_at, expires_at) on sessions to kyozo_server;

alter table passkeys enable row level security;
alter table passkeys force row level security;
create policy auth on passkeys to kyozo_auth using (true) with check (true);
create policy own on passkeys to kyozo_server using (user_id = current_person()) with check (user_id = current_person());
grant select on passkeys to kyozo_server;
grant update (name) on passkeys to kyozo_server;

alter table second_factors enable row level security;
alter table second_factors force row level security;
create policy auth on second_factors to kyozo_auth using (true) with check (true);
create policy own on second_factors for select to kyozo_server using (user_id = current_person());
grant select (user_id, enabled_at) on second_factors to kyozo_server;

grant select, insert, update, delete on one_time_tokens, second_factors, recovery_codes, passkeys, passkey_challenges to kyozo_auth;
grant update (retired_at, expires_at), delete on signing_keys to kyozo_auth;

-- The credential of the running transaction, so that a list of sessions can tell which one asks.
create function current_credential() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.credential', true), '')::uuid $$;
create or replace function enter(team uuid, person uuid, claimed_role text, kind text, credential uuid)
returns void language plpgsql security definer set search_path = public as $$
begin
  if not exists (
    select from user_teams m where m.team_id = team and m.user_id = person and m.role = claimed_role
  ) or not (case kind
    when 'session' then exists (select from sessions s where s.id = credential and s.user_id = person and s.expires_at > now())
    when 'key' then exists (select from api_keys k where k.id = credential and k.user_id = person and k.team_id = team
      and (k.expires_at is null or k.expires_at > now()))
    else false end)
  then
    raise exception 'the credential or the membership has ended' using errcode = 'KY001';
  end if;
  perform set_config('app.team_id', team::text, true), set_config('app.user_id', person::text, true),
    set_config('app.credential', credential::text, true);
end $$;

-- Counts a try. Answers 0 when it may go on, else the seconds until the window ends.
create function take_attempt(try_key bytea, allowed integer, seconds integer)
returns integer language plpgsql security definer set search_path = public as $$
declare wait integer;
begin
  insert into attempts as a (key, count, ends_at)
    values (try_key, 1, clock_timestamp() + make_interval(secs => seconds))
    on conflict (key) do update set
      count = case when a.ends_at <= clock_timestamp() then 1 else a.count + 1 end,
      ends_at = case when a.ends_at <= clock_timestamp() then excluded.ends_at else a.ends_at end
    where a.ends_at <= clock_timestamp() or a.count < allowed;
  if found then return 0; end if;
  select ceil(extract(epoch from a.ends_at - clock_timestamp()))::integer into wait from attempts a where a.key = try_key;
  return greatest(coalesce(wait, 1), 1);
end $$;
-- Takes a try back that was none.
create function give_attempt_back(try_key bytea) returns void language sql security definer set search_path = public as $$
  update attempts set count = count - 1 where key = try_key and count > 0
$$;

-- The team that what happens to a person alone is recorded in.
create function personal_team(person uuid) returns uuid language sql stable security definer set search_path = public as $$
  select t.id from teams t join user_teams m on m.team_id = t.id where m.user_id = person and t.personal limit 1
$$;
-- Makes an address the person's own, proven by a token that was sent there, and records it.
create function prove_address(person uuid, address text) returns void language plpgsql security definer set search_path = public as $$
begin
  update users set email = address, email_verified = true, updated_at = now()
    where id = person and (email is distinct from address or not email_verified);
  if found then
    insert into events (id, team_id, user_id, resource, record_id, name, version, state)
      select gen_random_uuid(), t, person, 'users', u.id, 'user.updated', 1, to_jsonb(u)
      from users u, personal_team(person) t where u.id = person and t is not null;
  end if;
end $$;
-- Revokes a person's own keys in every team; a team's keys are not theirs.
create function revoke_keys(person uuid) returns void language sql security definer set search_path = public as $$
  with gone as (
    delete from api_keys k where k.user_id = person and to_jsonb(k) ->> 'owner' is distinct from 'team' returning *
  )
  insert into events (id, team_id, user_id, resource, record_id, name, version, state)
    select gen_random_uuid(), team_id, person, 'api-keys', id, 'api-key.revoked', 1, to_jsonb(gone) from gone
$$;
-- Deletes a person with the teams that are theirs alone; answers what those leave outside the database.
-- Answers null, and does nothing, while they are the only owner of a team that has others.
create function delete_person(person uuid) returns jsonb language plpgsql security definer set search_path = public as $$
declare
  alone uuid[];
  remains jsonb;
begin
  -- Whoever changes owners of these teams at the same time waits, or is waited for.
  perform from teams t join user_teams m on m.team_id = t.id where m.user_id = person order by t.id for update of t;
  if exists (
    select from user_teams m where m.user_id = person and m.role = 'owner'
      and not exists (select from user_teams o where o.team_id = m.team_id and o.user_id <> person and o.role = 'owner')
      and exists (select from user_teams o where o.team_id = m.team_id and o.user_id <> person)
  ) then return null; end if;
  select coalesce(array_agg(m.team_id), '{}') into alone from user_teams m where m.user_id = person
    and not exists (select from user_teams o where o.team_id = m.team_id and o.user_id <> person);
  select coalesce(jsonb_agg(jsonb_build_object('teamId', team,
      'workspaces', (select coalesce(jsonb_agg(w.id), '[]') from workspaces w where w.team_id = team),
      'notebooks', (select coalesce(jsonb_agg(n.id), '[]') from notebooks n where n.team_id = team))), '[]')
    into remains from unnest(alone) team;
  perform revoke_keys(person);
  with gone as (delete from teams where id = any(alone) returning *)
  insert into events (id, team_id, user_id, resource, record_id, name, version, state)
    select gen_random_uuid(), id, person, 'teams', id, 'team.deleted', 1, to_jsonb(gone) from gone;
  with gone as (delete from user_teams where user_id = person returning *)
  insert into events (id, team_id, user_id, resource, record_id, name, version, state)
    select gen_random_uuid(), team_id, person, 'user-teams', id, 'user-team.deleted', 1, to_jsonb(gone) from gone;
  delete from users where id = person;
  return remains;
end $$;

create policy definer on notebooks to kyozo_definer using (true) with check (true);
grant select on notebooks to kyozo_definer;
grant select, insert, update on attempts to kyozo_definer;
grant update, delete on users to kyozo_definer;
grant update, delete on teams to kyozo_definer;
grant delete on user_teams, api_keys to kyozo_definer;
grant create on schema public to kyozo_definer;
alter function take_attempt(bytea, integer, integer) owner to kyozo_definer;
alter function give_attempt_back(bytea) owner to kyozo_definer;
alter function personal_team(uuid) owner to kyozo_definer;
alter function prove_address(uuid, text) owner to kyozo_definer;
alter function revoke_keys(uuid) owner to kyozo_definer;
alter function delete_person(uuid) owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function current_credential(), take_attempt(bytea, integer, integer), give_attempt_back(bytea),
  personal_team(uuid), prove_address(uuid, text), revoke_keys(uuid), delete_person(uuid) from public;
grant execute on function current_credential() to kyozo_server, kyozo_auth, kyozo_definer;
grant execute on function take_attempt(bytea, integer, integer), give_attempt_back(bytea) to kyozo_server, kyozo_auth;
grant execute on function personal_team(uuid) to kyozo_definer;
grant execute on function prove_address(uuid, text), revoke_keys(uuid), delete_person(uuid) to kyozo_auth;
-- What has ended is cleaned up by a job.
grant select (ends_at), delete on attempts to kyozo_auth;
