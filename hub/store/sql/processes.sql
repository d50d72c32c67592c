-- Who is alive: one row per process, touched once a second.

-- name: enter_process$
-- Say that a process begins.
insert into processes (role, host, pid) values (:role, :host, :pid) returning id;

-- name: beat$
-- Say that it lives and which requests it has open; nothing comes back when it was declared dead and removed.
update processes set beat_at = clock_timestamp(), sending = :sending::jsonb, declared_dead = false
 where id = :id returning id;

-- name: declare_dead
-- Forwarders that stopped beating, and the requests they had open: their lanes are freed in the same transaction.
update processes set declared_dead = true
 where role = 'forward' and not declared_dead and beat_at < clock_timestamp() - make_interval(secs => :dead_after)
returning id, sending::text as sending;

-- name: leave_process!
-- Say that it ended in order: lanes it still has move on at once.
update processes set beat_at = '-infinity', sending = '[]' where id = :id;

-- name: forget_processes!
-- Remove rows of processes that ended long ago and own nothing.
delete from processes p
 where p.beat_at < clock_timestamp() - interval '1 hour'
   and not exists (select 1 from lanes x where x.owner = p.id)
   and not exists (select 1 from tallies t where t.process = p.id)
   and not exists (select 1 from counters c where c.process = p.id)
   and not exists (select 1 from hops h where h.process = p.id);

-- name: is_beating$
-- Say whether a process of this role and number beats now.
select exists (
  select from processes where role = :role and pid = :pid and beat_at > clock_timestamp() - interval '4 seconds');
