-- An id that sorts by the time it was made (UUIDv7), for rows that the database makes by itself.
create function new_id() returns uuid language sql volatile as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid
$$;

-- Notifications belong to a person, over all their teams; (xid, seq) orders the stream as in events.
create table notifications (
  id uuid primary key default new_id(),
  user_id uuid not null references users on delete cascade,
  team_id uuid references teams on delete set null,
  xid xid8 not null default pg_current_xact_id(),
  seq bigint generated always as identity,
  kind text not null constraint notifications_kind check (kind in (
    'invitation.received', 'invitation.accepted', 'membership.role-changed', 'membership.removed',
    'team.deleted', 'security.refresh-reuse', 'security.password-changed',
    'security.second-factor-changed', 'security.email-changed', 'security.passkey-changed')),
  data jsonb not null default '{}',
  -- Not shown: the person wants this kind by mail only.
  shown boolean not null,
  mail text not null check (mail in ('off', 'immediate', 'daily')),
  mailed_at timestamptz,
  read_at timestamptz,
  inserted_at timestamptz not null default now()
);
create index notifications_list on notifications (user_id, id desc);
create index notifications_stream on notifications (user_id, xid, seq);
create index notifications_team on notifications (team_id);
create index notifications_mail on notifications (mail, id) where mail <> 'off' and mailed_at is null;

-- What a person wants to hear of, and how: one row for each group of kinds, made with the person.
create table notification_preferences (
  id uuid primary key default new_id(),
  user_id uuid not null references users on delete cascade,
  "group" text not null check ("group" in ('invitations', 'memberships', 'security')),
  in_app boolean not null default true
    constraint notification_preferences_security_in_app check (in_app or "group" <> 'security'),
  mail text not null check (mail in ('off', 'immediate', 'daily'))
    constraint notification_preferences_security_mail check (mail <> 'off' or "group" <> 'security'),
  updated_at timestamptz not null default now(),
  unique (user_id, "group")
);
-- An invitation is mailed as such, so its group is not mailed once more.
create function prefer(person uuid) returns void language sql as $$
  insert into notification_preferences (user_id, "group", mail)
    values (person, 'invitations', 'off'), (person, 'memberships', 'immediate'), (person, 'security', 'immediate')
$$;
create function prefer_defaults() returns trigger language plpgsql security definer set search_path = public as $$
begin
  perform prefer(new.id);
  return null;
end $$;
create trigger users_preferences after insert on users for each row execute function prefer_defaults();

do $$
declare own text;
begin
  foreach own in array array['notifications', 'notification_preferences'] loop
    execute format('alter table %I enable row level security', own);
    execute format('alter table %I force row level security', own);
    execute format('create policy definer on %I to kyozo_definer using (true) with check (true)', own);
  end loop;
end $$;
create policy own on notifications to kyozo_server
  using (user_id = current_person() and shown) with check (user_id = current_person());
create policy own on notification_preferences to kyozo_server
  using (user_id = current_person()) with check (user_id = current_person());
grant select, delete, update (read_at) on notifications to kyozo_server;
grant select, update (in_app, mail, updated_at) on notification_preferences to kyozo_server;
grant select, insert, update on notifications to kyozo_definer;
grant select, insert on notification_preferences to kyozo_definer;

-- Tells a person something, as they prefer to be told: in the app, by mail, or both. The row is what
-- mail waits for, so whoever writes it in its own transaction has the mail sent once it commits.
create function notify_person(person uuid, kind text, team uuid, data jsonb) returns void
language sql security definer set search_path = public as $$
  insert into notifications (user_id, team_id, kind, data, shown, mail)
  select person, team, $2, coalesce($4, '{}'), p.in_app, p.mail
  from notification_preferences p
  where p.user_id = person and (p.in_app or p.mail <> 'off') and p."group" = case split_part($2, '.', 1)
    when 'invitation' then 'invitations' when 'security' then 'security' else 'memberships' end
$$;

grant create on schema public to kyozo_definer;
alter function notify_person(uuid, text, uuid, jsonb) owner to kyozo_definer;
alter function prefer_defaults() owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function new_id(), prefer(uuid), prefer_defaults(), notify_person(uuid, text, uuid, jsonb) from public;
grant execute on function new_id(), prefer(uuid) to kyozo_definer;
grant execute on function new_id() to kyozo_server;
grant execute on function notify_person(uuid, text, uuid, jsonb) to kyozo_server, kyozo_auth;
-- Those who have an account already; as the definer, since not even the owner sees them all.
set local role kyozo_definer;
select prefer(id) from users;
reset role;

-- A team always has an owner. Checked when the transaction ends, since a transfer passes through
-- other states; the lock makes two owners who demote each other take turns, so that the later one
-- sees what the earlier one has done. A team that goes as a whole takes its owners with it.
create function keep_owner() returns trigger language plpgsql security definer set search_path = public as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(old.team_id::text, 1));
  if exists (select from teams t where t.id = old.team_id)
    and not exists (select from user_teams m where m.team_id = old.team_id and m.role = 'owner') then
    raise exception 'a team needs an owner' using errcode = 'KY002';
  end if;
  return null;
end $$;
create constraint trigger user_teams_owner after update or delete on user_teams
  deferrable initially deferred for each row when (old.role = 'owner') execute function keep_owner();

-- A key is a member's, and goes with the membership; or the team's own, with a role of its own.
alter table api_keys alter user_id drop not null;
alter table api_keys add owner text not null default 'user' check (owner in ('user', 'team'));
alter table api_keys add role text check (role in ('owner', 'admin', 'member'));
alter table api_keys add constraint api_keys_owner check (
  case owner when 'user' then user_id is not null and role is null else user_id is null and role is not null end);
alter table api_keys add constraint api_keys_member
  foreign key (team_id, user_id) references user_teams (team_id, user_id) on delete cascade;
create index api_keys_user on api_keys (team_id, user_id);

-- A run outlives who asked for it, and a team's key is nobody.
alter table task_runs alter user_id drop not null;
alter table task_runs drop constraint task_runs_user_id_fkey;
alter table task_runs add constraint task_runs_user foreign key (user_id) references users on delete set null;

-- With what each change was made: a session or a key. A team's key has no user, but it is named here.
alter table events add credential_id uuid default nullif(current_setting('app.credential', true), '')::uuid;

-- As in 0001, and: a team's key needs no member, `person` is then the key itself.
create or replace function enter(team uuid, person uuid, claimed_role text, kind text, credential uuid)
returns void language plpgsql security definer set search_path = public as $$
begin
  -- The settings are made by the look itself: one statement inside the function, and half its time.
  if kind = 'session' then
    perform set_config('app.team_id', team::text, true), set_config('app.user_id', person::text, true),
      set_config('app.credential', credential::text, true)
    from user_teams m join sessions s on s.user_id = m.user_id
    where m.team_id = team and m.user_id = person and m.role = claimed_role
      and s.id = credential and s.expires_at > now();
  elsif kind = 'key' then
    perform set_config('app.team_id', team::text, true), set_config('app.user_id', person::text, true),
      set_config('app.credential', credential::text, true)
    from api_keys k
    where k.id = credential and k.team_id = team and (k.expires_at is null or k.expires_at > now())
      and case k.owner when 'team' then k.id = person and k.role = claimed_role
        else k.user_id = person and exists (
          select from user_teams m where m.team_id = team and m.user_id = person and m.role = claimed_role) end;
  end if;
  if not found then
    raise exception 'the credential or the membership has ended' using errcode = 'KY001';
  end if;
end $$;

create or replace function resolve_key(key_hash bytea)
returns table (key_id uuid, user_id uuid, team_id uuid, role text, scopes text[]) language sql stable security definer set search_path = public as $$
  select k.id, coalesce(k.user_id, k.id), k.team_id, coalesce(k.role, m.role), k.scopes
  from api_keys k left join user_teams m on m.team_id = k.team_id and m.user_id = k.user_id
  where k.hash = key_hash and (k.expires_at is null or k.expires_at > now())
    and (k.owner = 'team' or m.id is not null)
$$;

-- Notes that a key is in use, at most once a minute.
create function touch_key(key uuid) returns void language sql security definer set search_path = public as $$
  update api_keys set last_used_at = now()
  where id = key and (last_used_at is null or last_used_at < now() - interval '59 seconds')
$$;

-- Invitations: one for each address and team. What is accepted or cancelled is gone, and the log tells.
create table invitations (
  id uuid primary key,
  team_id uuid not null references teams on delete cascade,
  email text not null,
  role text not null check (role in ('owner', 'admin', 'member')),
  inviter_id uuid references users on delete set null,
  hash bytea not null unique,
  expires_at timestamptz not null,
  inserted_at timestamptz not null default now(),
  unique (team_id, id)
);
-- Letters of ASCII are folded and no others: a Kelvin sign is no k.
create function address_key(address text) returns text language sql immutable parallel safe
  as $$ select lower(address collate "C") $$;
create unique index invitations_address on invitations (team_id, address_key(email));
create index invitations_list on invitations (team_id, id desc);
alter table invitations enable row level security;
alter table invitations force row level security;
create policy tenant on invitations using (team_id = current_team()) with check (team_id = current_team());
create policy definer on invitations to kyozo_definer using (true) with check (true);
grant select, insert, update, delete on invitations to kyozo_server;

-- What whoever holds a token may know: where it leads, and for whom.
create function preview_invitation(token_hash bytea)
returns table (team text, role text, email text, inviter text) language sql stable security definer set search_path = public as $$
  select t.name, i.role, i.email, u.name
  from invitations i join teams t on t.id = i.team_id left join users u on u.id = i.inviter_id
  where i.hash = token_hash and i.expires_at > now()
$$;

-- Accepts for the acting person. `outcome`: `accepted`; `none`, when no invitation has this token; `other`,
-- when it is for another address; `member`, when the person is one already, and then it is spent.
create function accept_invitation(token_hash bytea, membership uuid)
returns table (outcome text, team uuid, inviter uuid) language plpgsql security definer set search_path = public as $$
declare
  invited invitations;
  person users;
begin
  select * into person from users u where u.id = current_person();
  select * into invited from invitations i where i.hash = token_hash and i.expires_at > now();
  if invited.id is null then return query select 'none', null::uuid, null::uuid; return; end if;
  if person.id is null or address_key(person.email) <> address_key(invited.email) then
    return query select 'other', null::uuid, null::uuid; return;
  end if;
  -- Of several at once one deletes it; the others find it gone.
  delete from invitations i where i.id = invited.id and i.hash = token_hash;
  if not found then return query select 'none', null::uuid, null::uuid; return; end if;
  insert into user_teams (id, team_id, user_id, role) values (membership, invited.team_id, person.id, invited.role)
    on conflict on constraint user_teams_member do nothing;
  outcome := case when found then 'accepted' else 'member' end;
  insert into events (id, team_id, user_id, resource, record_id, name, version, state) values
    (new_id(), invited.team_id, person.id, 'invitations', invited.id, case outcome when 'accepted' then 'invitation.accepted' else 'invitation.cancelled' end, 1, to_jsonb(invited));
  if outcome = 'accepted' then
    insert into events (id, team_id, user_id, resource, record_id, name, version, state)
      select new_id(), m.team_id, person.id, 'user-teams', m.id, 'user-team.created', 1, to_jsonb(m) from user_teams m where m.id = membership;
    perform notify_person(invited.inviter_id, 'invitation.accepted', invited.team_id, jsonb_build_object(
      'team', (select name from teams where id = invited.team_id), 'person', person.name, 'email', person.email, 'role', invited.role));
  end if;
  return query select outcome, invited.team_id, invited.inviter_id;
end $$;

-- Tells the person who has an account with the invited address, and answers who that is to the server alone.
create function notify_invited(invitation uuid) returns uuid language plpgsql security definer set search_path = public as $$
declare told uuid;
begin
  select u.id into told from invitations i join users u on lower(u.email) = lower(i.email) and address_key(u.email) = address_key(i.email)
    where i.id = invitation and i.team_id = current_team();
  perform notify_person(told, 'invitation.received', i.team_id, jsonb_build_object(
      'team', t.name, 'role', i.role, 'inviter', u.name))
    from invitations i join teams t on t.id = i.team_id left join users u on u.id = i.inviter_id
    where i.id = invitation and told is not null;
  return told;
end $$;

grant select, delete on invitations to kyozo_definer;
grant update (last_used_at) on api_keys to kyozo_definer;
grant create on schema public to kyozo_definer;
do $$
declare signature text;
begin
  foreach signature in array array['keep_owner()', 'touch_key(uuid)', 'preview_invitation(bytea)',
    'accept_invitation(bytea, uuid)', 'notify_invited(uuid)'] loop
    execute format('alter function %s owner to kyozo_definer', signature);
    execute format('revoke execute on function %s from public', signature);
  end loop;
end $$;
revoke create on schema public from kyozo_definer;
revoke execute on function address_key(text) from public;
grant execute on function address_key(text) to kyozo_server, kyozo_definer;
grant execute on function touch_key(uuid), preview_invitation(bytea), accept_invitation(bytea, uuid),
  notify_invited(uuid) to kyozo_server;

-- Takes notifications whose mail is due, each once: whoever calls it posts them in the same transaction.
-- All of one person's come together, so that a digest is one mail; what was read meanwhile needs none.
create function claim_mails(which text, people integer)
returns table (person uuid, address text, kind text, data jsonb, at timestamptz)
language plpgsql security definer set search_path = public as $$
begin
  -- One at a time: two at once would split a person's between them.
  perform pg_advisory_xact_lock(hashtextextended('mails ' || which, 2));
  return query
    with chosen as (
      select distinct n.user_id from notifications n where n.mail = which and n.mailed_at is null limit people
    ), taken as (
      update notifications n set mailed_at = now() from chosen
      where n.user_id = chosen.user_id and n.mail = which and n.mailed_at is null
      returning n.id, n.user_id, n.kind, n.data, n.inserted_at, n.read_at
    )
    select t.user_id, u.email, t.kind, t.data, t.inserted_at from taken t join users u on u.id = t.user_id
    where which = 'immediate' or t.read_at is null
    order by t.user_id, t.id;
end $$;
grant create on schema public to kyozo_definer;
alter function claim_mails(text, integer) owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function claim_mails(text, integer) from public;
grant execute on function claim_mails(text, integer) to kyozo_server;

-- Without it named last, a caller's temporary tables would come before ours inside these functions.
do $$
declare definers regprocedure;
begin
  for definers in select oid from pg_proc where pronamespace = 'public'::regnamespace and prosecdef loop
    execute format('alter function %s set search_path = public, pg_temp', definers);
  end loop;
end $$;
