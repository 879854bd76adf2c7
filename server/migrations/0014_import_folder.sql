-- Where in the workspace the files of an import go; empty is the top.
alter table transfers add column folder_path text not null default '';
