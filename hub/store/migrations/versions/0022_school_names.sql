create extension if not exists pg_trgm;
create index schools_name on schools using gin (lower(name) gin_trgm_ops) with (gin_pending_list_limit = 512);
