-- Whose a Yjs client id is, in one document and for good: what others send under it is refused, whether
-- its owner is connected or not.
create table document_clients (
  file_id uuid not null,
  team_id uuid not null references teams on delete cascade,
  client_id bigint not null,
  user_id uuid not null,
  inserted_at timestamptz not null default now(),
  primary key (file_id, client_id),
  constraint document_clients_state foreign key (team_id, file_id) references document_states (team_id, file_id) on delete cascade
);
alter table document_clients enable row level security;
alter table document_clients force row level security;
create policy tenant on document_clients using (team_id = current_team()) with check (team_id = current_team());
grant select, insert, delete on document_clients to kyozo_server;
