-- `claim_mails` answers all that it has taken, and says of each whether it is wanted: who calls it until
-- nothing is left must be able to tell "nothing left" from "all of these have been read".
drop function claim_mails(text, integer);
create function claim_mails(which text, people integer)
returns table (person uuid, address text, kind text, data jsonb, at timestamptz, wanted boolean)
language plpgsql security definer set search_path = public, pg_temp as $$
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
    select t.user_id, u.email, t.kind, t.data, t.inserted_at, which = 'immediate' or t.read_at is null
    from taken t join users u on u.id = t.user_id
    order by t.user_id, t.id;
end $$;
grant create on schema public to kyozo_definer;
alter function claim_mails(text, integer) owner to kyozo_definer;
revoke create on schema public from kyozo_definer;
revoke execute on function claim_mails(text, integer) from public;
grant execute on function claim_mails(text, integer) to kyozo_server;
