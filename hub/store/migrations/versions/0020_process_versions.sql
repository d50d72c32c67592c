alter table processes add column version text;
comment on column processes.version is 'The version of the hub that it runs; null for one that does not tell it.';
