-- Git's executable bit, so that a file keeps it in the trash and when it moves. Files that were programs
-- before get theirs with the next push that changes them.
alter table files add column executable boolean not null default false;
