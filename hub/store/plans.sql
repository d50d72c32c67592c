-- From events to deliveries. Schools are locked in key order, lanes in key order.

-- name: lock_unplanned_events
-- Lock the schools that rang, in the order given, which is that of their keys, and read what is not planned yet. A school
-- without news is one row without an event; a school that is missing has no row in `planning_progress`.
select k.brin, e.number, e.id, e.units::text as units, e.service_code, e.supplier_oin
  from unnest(:brins::text[]) with ordinality k (brin, o)
 cross join lateral (select p.planned_through from planning_progress p where p.brin = k.brin for update) r
  left join lateral (
    select n.number, n.id, n.units, m.service_code, m.supplier_oin
      from (select e.number, e.id, e.units, e.mandate_id from events e
             where e.brin = k.brin and e.number > r.planned_through order by e.number limit :most) n
     cross join lateral (select m.service_code, m.supplier_oin from mandates m where m.id = n.mandate_id offset 0) m
 ) e on true;

-- name: insert_planning_progress!
-- Schools that ring for the first time get their row; what is no school of the register gets none.
insert into planning_progress (brin)
select k.brin from unnest(:brins::text[]) with ordinality k (brin, o)
 where exists (select 1 from schools s where s.brin = k.brin)
   and not exists (select 1 from planning_progress p where p.brin = k.brin)
 order by k.o
on conflict do nothing;

-- name: read_directory
-- Who gets what: each destination, the services of a queue, and what a system asked for. Until the transaction ends no
-- destination is held or released as a whole, so that a new lane is what its destination is.
with gate as materialized (select pg_advisory_xact_lock_shared(:gate))
select d.id, d.name, d.kind, d.supplier_oin,
       (select array_agg(s.code) from services s where s.destination = d.id) as queue_of,
       u.services, u.types, u.reports
  from gate
 cross join destinations d
  left join subscriptions u on u.supplier_oin = d.supplier_oin and u.status <> 'deleted';

-- name: lock_gate_shared!
-- Until the transaction ends no destination is held or released as a whole.
select pg_advisory_xact_lock_shared(:gate);

-- name: lock_gate_exclusive!
-- Be the only one: nobody makes lanes until the transaction ends.
select pg_advisory_xact_lock(:gate);

-- name: raise_lanes
-- Give out numbers: raise each tail, create lanes at first sight, held where their destination is, and make them due
-- unless leased or held.
insert into lanes as x (destination, brin, tail, held, due)
select u.destination, u.brin, u.n, d.held, case when not d.held then clock_timestamp() end
  from unnest(:destinations::smallint[], :brins::text[], :counts::bigint[]) u (destination, brin, n)
 cross join lateral (select d.held from destinations d where d.id = u.destination offset 0) d
 order by u.destination, u.brin
on conflict (destination, brin) do update
   set tail = x.tail + excluded.tail,
       due = case when x.owner is null and not x.held then coalesce(x.due, clock_timestamp()) end
returning destination, brin, tail;

-- name: write_deliveries!
-- Store the deliveries under the numbers they were given, and remember how far each school is planned.
with planned as (
  update planning_progress p set planned_through = t.n
    from unnest(:schools::text[], :throughs::bigint[]) t (brin, n)
   where p.brin = t.brin
)
insert into deliveries (destination, brin, sequence, event_number, id, branch, type, expects_report, planned_at,
                        published_at, cause, replay_of, result)
select u.destination, u.brin, u.sequence, u.event_number, u.id, u.branch, u.type::event_type, u.expects_report,
       :planned_at, u.published_at, u.cause, u.replay_of, u.result
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :event_numbers::bigint[], :ids::uuid[],
              :branches::text[], :types::text[], :expects::boolean[], :published_at::timestamptz[],
              :causes::uuid[], :replays::uuid[], :results::text[])
       u (destination, brin, sequence, event_number, id, branch, type, expects_report, published_at, cause, replay_of,
          result);

-- name: find_unplanned_schools
-- Schools with events that no bell has led to: looked at each second, with the counter it was seen at.
select s.brin, s.counter
  from schools s left join planning_progress p on p.brin = s.brin
 where s.counter > coalesce(p.planned_through, 0)
 order by s.brin
 limit :most;

-- name: lock_destinations!
-- Old news is about to be told to these: nobody changes their circuits before it is, in key order, before any lane.
select from destinations d where d.id = any(:destinations::smallint[]) order by d.id for no key update;

-- name: lower_unsettled_from!
-- Old events are planned: the search for the oldest unprocessed delivery starts at them again. Destinations are locked in
-- the order given, which is that of their ids, before any lane; also those whose search starts at the beginning, so that
-- nobody passes what is being planned.
update destinations d set unsettled_from = case when d.unsettled_from is not null then least(d.unsettled_from, u.id) end
  from unnest(:destinations::smallint[], :ids::uuid[]) u (destination, id)
 where d.id = u.destination;
