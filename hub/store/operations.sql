-- What operators change and look up: holds, parked records, the audit.

-- name: find_destination$
-- Return the id of a destination.
select d.id from destinations d where d.name = :name;

-- name: read_hold_state^
-- Return whether a destination is held, and the schools that differ from it.
select d.held, (select coalesce(array_agg(l.brin order by l.brin), '{}') from lanes l
                 where l.destination = d.id and l.held <> d.held) as brins
  from destinations d where d.id = :id;

-- name: set_destination_held!
-- Set whether new lanes of a destination are held.
update destinations
   set held = :held, held_from = case when :held and not held then clock_timestamp() else held_from end,
       held_until = case when :held then null when held then clock_timestamp() else held_until end
 where id = :id;

-- name: hold_all_lanes!
-- Hold the lanes of all schools; messages that are being sent still arrive.
update lanes x set held = true, due = null
  from (select l.destination, l.brin from lanes l where l.destination = :destination and not l.held
         order by l.brin for update of l) h
 where x.destination = h.destination and x.brin = h.brin;

-- name: lock_holds
-- Lock the lanes of these schools in key order and return which are held. A missing lane is created, held if its
-- destination is.
insert into lanes as x (destination, brin, held)
select d.id, u.brin, d.held from unnest(:brins::text[]) u (brin) join destinations d on d.id = :destination
 order by u.brin
on conflict (destination, brin) do update set held = x.held
returning x.brin, x.held;

-- name: hold_lanes!
-- Hold the lanes of these schools, in key order; a missing lane is created.
insert into lanes as x (destination, brin, held)
select :destination, u.brin, true from unnest(:brins::text[]) u (brin) order by u.brin
on conflict (destination, brin) do update set held = true, due = null;

-- name: release_lanes!
-- Release the lanes of these schools, in key order, and make those due that have deliveries and no owner. A missing
-- lane is created.
insert into lanes as x (destination, brin, held)
select :destination, u.brin, false from unnest(:brins::text[]) u (brin) order by u.brin
on conflict (destination, brin) do update
   set held = false,
       due = case when x.owner is null and x.tail > x.head then coalesce(x.due, clock_timestamp()) end;

-- name: write_holds!
-- Note who holds a destination, or these schools there; a hold that lasts keeps its beginning.
insert into holds as h (destination, brin, actor, reason, since)
select :destination, u.brin, :actor, :reason, clock_timestamp() from unnest(:brins::text[]) u (brin) order by u.brin
on conflict (destination, brin) do update set actor = excluded.actor, reason = excluded.reason;

-- name: delete_holds!
-- Forget who held a destination, or these schools there.
delete from holds h where h.destination = :destination and h.brin = any(:brins::text[]);

-- name: delete_outdated_holds!
-- Forget the holds of schools that are not held: a version of the hub that does not know of holds released them.
delete from holds h
 where h.destination = :destination and h.brin <> ''
   and not exists (select from lanes x where x.destination = h.destination and x.brin = h.brin and x.held);

-- name: list_holds
-- List who holds a destination as a whole, then its schools that are held by themselves.
select h.brin, coalesce(s.name, '') as school, h.actor, coalesce(p.name, p.subject) as actor_name, h.reason, h.since
  from holds h
  left join schools s on s.brin = h.brin
  left join people p on p.pseudonym = case when h.actor ~ '^[0-9a-f-]{36}$' then h.actor::uuid end
 where h.destination = :destination
   and (h.brin = '' or exists (select from lanes x
                                where x.destination = h.destination and x.brin = h.brin and x.held))
 order by h.brin limit :most;

-- name: list_holds_of_school
-- List who holds a school at a destination, or the whole destination to which the school has a lane.
select h.destination, h.brin, '' as school, h.actor, coalesce(p.name, p.subject) as actor_name, h.reason, h.since
  from lanes x
  join holds h on h.destination = x.destination and h.brin in ('', x.brin)
  left join people p on p.pseudonym = case when h.actor ~ '^[0-9a-f-]{36}$' then h.actor::uuid end
 where x.brin = :brin and x.held and x.destination = any(:destinations::smallint[])
 order by h.destination, h.brin desc;

-- name: release_all_lanes!
-- Release the lanes of all schools that are not held by themselves, and make those due that have deliveries and no owner.
update lanes x
   set held = false, due = case when x.tail > x.head and x.owner is null then clock_timestamp() end
  from (select l.destination, l.brin from lanes l
         where l.destination = :destination and l.held
           and not exists (select from holds h where h.destination = l.destination and h.brin = l.brin)
         order by l.brin for update of l) h
 where x.destination = h.destination and x.brin = h.brin;

-- name: find_unknown_schools
-- Return which of these BRIN codes are not in the register.
select u.brin from unnest(:brins::text[]) u (brin)
 where not exists (select from schools s where s.brin = u.brin) order by u.brin;

-- name: list_parked
-- List parked records, oldest first, with the beginning of their bytes.
select p.id, p.topic, p.partition, p."offset", p.reason, p.blame, p.detail, p.received_at, p.written_at,
       substring(p.bytes for :length::integer) as bytes, p.state
  from parked_records p
 where p.id > :after and (:state::text is null or p.state = :state::text) and (:reason::text is null or p.reason = :reason)
   and (:topic::text is null or p.topic = :topic::text) and (:blame::text is null or p.blame = :blame::text)
 order by p.id limit :most;

-- name: find_parked^
-- Find a parked record, with all its bytes.
select p.id, p.topic, p.partition, p."offset", p.reason, p.blame, p.detail, p.received_at, p.written_at, p.bytes, p.state
  from parked_records p
 where p.id = :id and (:topic::text is null or p.topic = :topic::text)
   and (:blame::text is null or p.blame = :blame::text);

-- name: lock_parked^
-- Lock a parked record and return it.
select p.id, p.topic, p.partition, p."offset", p.reason, p.blame, p.detail, p.received_at, p.written_at, p.bytes, p.state,
       p.headers::text as headers
  from parked_records p where p.id = :id for update;

-- name: mark_parked!
-- Set the state of a parked record.
update parked_records set state = :state where id = :id;

-- name: list_recent_acts
-- List the newest audit entries of these kinds of subject, among the last thousand.
select a.id, a.at, a.actor, p.subject as actor_name, p.name as shown_name, a.action, a.brin, a.subject::text as subject,
       a.before::text as before, a.after::text as after, a.reason, a.number, a.seal
  from (select e.* from audit e order by e.id desc limit 1000) a
  left join people p on p.pseudonym = case when a.actor ~ '^[0-9a-f-]{36}$' then a.actor::uuid end
 where split_part(a.action, '.', 1) = any(:kinds::text[])
 order by a.id desc limit :most;
