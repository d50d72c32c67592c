-- What `osr-hub doctor` asks of a database of whatever schema.

-- name: inspect_server^
-- Read the server's version, encoding and durability, its connections, and the bytes that dead replication slots keep.
select current_setting('server_version_num')::integer / 10000 as version,
       current_setting('server_encoding') as encoding,
       array(select s.name || '=off'
               from unnest(array['fsync', 'full_page_writes', 'synchronous_commit']) s(name)
              where current_setting(s.name) = 'off') as not_durable,
       (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as connections,
       current_setting('max_connections')::integer as max_connections,
       pg_database_size(current_database()) as bytes,
       coalesce((select max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots
                  where not active and not pg_is_in_recovery()), 0)::bigint as kept_by_slots;

-- name: inspect_role^
-- Read what the role may not do with the hub's tables, and which settings the role or the database has of its own.
select current_user::text as role,
       array(select c.relname::text from pg_class c
              where c.relnamespace = (select n.oid from pg_namespace n where n.nspname = current_schema())
                and c.relkind in ('r', 'p')
                and not has_table_privilege(c.oid, 'select, insert, update, delete')
              order by 1) as closed_tables,
       array(select distinct split_part(each, '=', 1)
               from pg_db_role_setting s, unnest(s.setconfig) each
              where s.setrole in (0, (select oid from pg_roles where rolname = current_user))
                and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
              order by 1) as own_settings;

-- name: find_data_folder$
-- Return where a server keeps its data that is reached on its own machine; null elsewhere, or when this role may not know.
select case when pg_has_role(current_user, 'pg_read_all_settings', 'member')
             and coalesce(inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1', true)
            then current_setting('data_directory') end;
