-- Running processes: one row per process, touched once a second.

-- name: insert_process^
-- Insert the row of a process that begins, and return the time.
insert into processes (role, host, pid, machine, start_ticks, version)
values (:role, :host, :pid, :machine, :start_ticks, :version)
returning id, clock_timestamp() as at;

-- name: write_heartbeat^
-- Touch the row of a process, write its open requests and its loops; return the time and whether it had been declared dead. No row
-- is returned when its row was deleted.
with was as (select p.declared_dead from processes p where p.id = :id for update)
update processes p set heartbeat_at = clock_timestamp(), open_requests = :open_requests::jsonb,
       loops = :loops::jsonb, declared_dead = false
  from was
 where p.id = :id
returning was.declared_dead, clock_timestamp() as at;

-- name: read_neighbours
-- Read the forwarders of a machine that are not declared dead, so that a process there can see whether they still run.
select id, pid, start_ticks from processes where role = 'forward' and not declared_dead and machine = :machine;

-- name: declare_dead
-- Declare forwarders dead that ended or stopped beating; return their open requests and for how long they were silent.
-- Their lanes are rescued in the same transaction. A beat in the future is one from before the clock went back.
update processes set declared_dead = true
 where role = 'forward' and not declared_dead
   and (id = any(:gone::integer[]) or heartbeat_at < clock_timestamp() - make_interval(secs => :dead_after)
        or heartbeat_at > clock_timestamp() + make_interval(secs => :dead_after))
returning id, open_requests::text as open_requests,
          case when isfinite(heartbeat_at)
               then greatest(extract(epoch from clock_timestamp() - heartbeat_at), 0) else 0 end::double precision as silent;

-- name: end_process!
-- Mark a process that ended in order: its lanes are rescued at once.
update processes set heartbeat_at = '-infinity', open_requests = '[]' where id = :id;

-- name: delete_ended_processes!
-- Delete rows of processes that ended long ago and own nothing. A forwarder can lease until it is declared dead.
delete from processes p
 where p.heartbeat_at < clock_timestamp() - interval '1 hour' and (p.role <> 'forward' or p.declared_dead)
   and not exists (select 1 from lanes x where x.owner = p.id)
   and not exists (select 1 from tallies t where t.process = p.id)
   and not exists (select 1 from counters c where c.process = p.id)
   and not exists (select 1 from hops h where h.process = p.id);

-- name: has_heartbeat$
-- Return whether a process of this role and pid beats now.
select exists (
  select from processes where role = :role and pid = :pid and heartbeat_at > clock_timestamp() - interval '4 seconds');

-- name: prove_writable!
-- Take a transaction id, so that the commit reaches the log, and write to a table, which is refused where nothing may be
-- written; no row is changed, because ids are positive.
with nothing as (delete from processes where id < 0) select pg_current_xact_id();
