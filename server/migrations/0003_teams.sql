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
grant execute on function notify_person(uuid, text, uuid, jsonb) to kyozo_server, kyozo_auth;
-- Those who have an account already; as the definer, since not even the owner sees them all.
set local role kyozo_definer;
select prefer(id) from users;
reset role;
