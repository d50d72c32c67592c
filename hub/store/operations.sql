-- What an operator presses and looks up: holds, parked records, the audit.

-- name: find_destination$
-- The number of a destination.
select d.id from destinations d where d.name = :name;

-- name: read_hold_state^
-- Whether a destination is held, and which schools are not what it is.
select d.held, (select coalesce(array_agg(l.brin order by l.brin), '{}') from lanes l
                 where l.destination = d.id and l.held <> d.held) as brins
  from destinations d where d.id = :id;

-- name: set_destination_held!
-- Whether new lanes of it are held.
update destinations set held = :held where id = :id;

-- name: hold_all_lanes!
-- Let nothing of any school go there; what is on its way still arrives.
update lanes x set held = true, due = null
  from (select l.destination, l.brin from lanes l where l.destination = :destination and not l.held
         order by l.brin for update of l) h
 where x.destination = h.destination and x.brin = h.brin;

-- name: lock_holds
-- Which of these schools are held, kept so until the transaction ends; lanes that do not exist yet are made as their
-- destination is, in key order.
insert into lanes as x (destination, brin, held)
select d.id, u.brin, d.held from unnest(:brins::text[]) u (brin) join destinations d on d.id = :destination
 order by u.brin
on conflict (destination, brin) do update set held = x.held
returning x.brin, x.held;

-- name: hold_lanes!
-- Let nothing of these schools go there; lanes that do not exist yet are made, in key order.
insert into lanes as x (destination, brin, held)
select :destination, u.brin, true from unnest(:brins::text[]) u (brin) order by u.brin
on conflict (destination, brin) do update set held = true, due = null;

-- name: release_lanes!
-- Let these schools go, in key order: what waits and nobody has is due. One that has no lane yet gets one that is open.
insert into lanes as x (destination, brin, held)
select :destination, u.brin, false from unnest(:brins::text[]) u (brin) order by u.brin
on conflict (destination, brin) do update
   set held = false,
       due = case when x.owner is null and x.tail > x.head then coalesce(x.due, clock_timestamp()) end;

-- name: release_all_lanes!
-- Let all schools go: what waits and nobody has is due.
update lanes x
   set held = false, due = case when x.tail > x.head and x.owner is null then clock_timestamp() end
  from (select l.destination, l.brin from lanes l where l.destination = :destination and l.held
         order by l.brin for update of l) h
 where x.destination = h.destination and x.brin = h.brin;

-- name: find_unknown_schools
-- Which of these are no schools.
select u.brin from unnest(:brins::text[]) u (brin)
 where not exists (select from schools s where s.brin = u.brin) order by u.brin;

-- name: list_parked
-- Records that were put aside, oldest first.
select p.id, p.topic, p.partition, p."offset", p.reason, p.blame, p.detail, p.received_at, p.bytes, p.state
  from parked_records p
 where p.id > :after and (:state::text is null or p.state = :state::text) and (:reason::text is null or p.reason = :reason)
 order by p.id limit :most;

-- name: lock_parked^
-- A record that was put aside, kept as it is until the transaction ends.
select p.id, p.topic, p.partition, p."offset", p.reason, p.blame, p.detail, p.received_at, p.bytes, p.state,
       p.headers::text as headers
  from parked_records p where p.id = :id for update;

-- name: mark_parked!
-- It was used after all, or never will be.
update parked_records set state = :state where id = :id;

-- name: list_audit
-- Who did what, newest first.
select a.id, a.at, a.actor, p.subject as actor_name, a.action, a.brin, a.subject::text as subject,
       a.before::text as before, a.after::text as after, a.reason, a.number, a.seal
  from audit a
  left join people p on p.pseudonym = case when a.actor ~ '^[0-9a-f-]{36}$' then a.actor::uuid end
 where (:before::bigint is null or a.id < :before::bigint) and (:brin::text is null or a.brin = :brin::text)
   and (:since::timestamptz is null or a.at >= :since::timestamptz)
   and (:until::timestamptz is null or a.at <= :until::timestamptz)
 order by a.id desc limit :most;
