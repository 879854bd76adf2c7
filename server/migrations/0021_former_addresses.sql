-- Addresses of people who have been deleted, as hashes: versions and commits name their authors, and events
-- and git keep those for good; the addresses of people who are gone are shown to nobody.
create table former_addresses (hash bytea primary key);
alter table former_addresses enable row level security;
alter table former_addresses force row level security;
create policy definer on former_addresses to kyozo_definer using (true) with check (true);
grant select, insert on former_addresses to kyozo_definer;

create function address_hash(address text) returns bytea language sql immutable parallel safe
  as $$ select sha256(convert_to(lower(address), 'UTF8')) $$;

create function remember_former_address() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
  insert into former_addresses values (address_hash(old.email)) on conflict do nothing;
  return null;
end $$;
create trigger users_former_address after delete on users
  for each row execute function remember_former_address();

-- Authors as they may be shown: who has registered again with the address is not gone.
create function shown_authors(authors jsonb) returns jsonb language sql stable security definer
set search_path = public, pg_temp as $$
  select case when jsonb_typeof(authors) <> 'array' then authors else (
    select coalesce(jsonb_agg(case
        when exists (select from former_addresses f where f.hash = address_hash(author->>'email'))
          and not exists (select from users u where lower(u.email) = lower(author->>'email'))
        then jsonb_set(author, '{email}', '""') else author end order by place), '[]')
    from jsonb_array_elements(authors) with ordinality as each (author, place)
  ) end
$$;

create or replace function event_data(state jsonb) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(
    (select string_agg(case when n = 1 then part else initcap(part) end, '' order by n)
       from unnest(string_to_array(key, '_')) with ordinality as parts (part, n)),
    case when key = 'authors' then shown_authors(value) else value end), '{}')
  from jsonb_each(state)
  where key not in ('team_id', 'hash', 'folded_path', 'address', 'head_commit', 'live', 'email_verified')
$$;

grant create on schema public to kyozo_definer;
alter function remember_former_address() owner to kyozo_definer;
alter function shown_authors(jsonb) owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function address_hash(text), remember_former_address(), shown_authors(jsonb) from public;
grant execute on function address_hash(text) to kyozo_definer;
grant execute on function shown_authors(jsonb) to kyozo_server;
