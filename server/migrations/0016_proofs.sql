-- The pair that a refresh token was traded for, until the pair itself is used: sealed with the token, which
-- is not kept here, so that neither this database nor its secret key opens it. `used_by` is a hash of where
-- the token was used from: a second use from elsewhere is theft.
alter table refresh_tokens add sealed_pair bytea, add used_by bytea;

-- When the person of a session last showed that it is them: by signing in, or once more. Sessions that were
-- open before this are asked.
alter table sessions add proven_at timestamptz;
alter table sessions alter proven_at set default now();
grant select (proven_at) on sessions to kyozo_server;

-- A key that a key has made ends with it: else whoever holds a stolen one would stay.
alter table api_keys add made_by uuid;
alter table api_keys add constraint api_keys_maker
  foreign key (team_id, made_by) references api_keys (team_id, id) on delete cascade;
create index api_keys_made_by on api_keys (team_id, made_by) where made_by is not null;
-- Whoever revokes keys records it; here that of the keys which go with them.
create function record_ended_key() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if exists (select from teams t where t.id = old.team_id) then
    insert into events (id, team_id, user_id, resource, record_id, name, version, state)
      values (new_id(), old.team_id, current_person(), 'api-keys', old.id, 'api-key.revoked', 1, to_jsonb(old));
  end if;
  return null;
end $$;
create trigger api_keys_ended after delete on api_keys for each row
  when (pg_trigger_depth() > 0 and old.made_by is not null) execute function record_ended_key();
grant create on schema public to kyozo_definer;
alter function record_ended_key() owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function record_ended_key() from public;

-- Devices that a person has signed in with: guesses from elsewhere do not slow those down. A device names
-- itself by a secret of its own, which is kept here as a hash.
create table known_devices (
  user_id uuid not null references users on delete cascade,
  hash bytea not null,
  last_used_at timestamptz not null default now(),
  primary key (user_id, hash)
);
grant select, insert, update, delete on known_devices to kyozo_auth;
