-- From events to deliveries. Schools are locked in key order, then lanes in key order.

-- name: lock_unplanned
-- Lock these schools, in the order given, and return their unplanned events, and who receives what; `schema.sql` has the
-- function and says what its last row is.
select brin, number, id, units, service_code, system_code, unknown, directory
  from lock_unplanned(:brins, :most, :gate);

-- name: begin_planning!
-- Make rows of schools that are planned for the first time; codes that are not in the register are left out.
select begin_planning(:brins);

-- name: read_directory$
-- Return who receives what, as JSON. The shared gate keeps destinations from being held or released as a whole until the
-- transaction ends.
with gate as materialized (select pg_advisory_xact_lock_shared(:gate))
select read_directory() from gate;

-- name: lock_gate_shared!
-- Keep destinations from being held or released as a whole until the transaction ends.
select pg_advisory_xact_lock_shared(:gate);

-- name: lock_gate_exclusive!
-- Keep every other transaction from creating lanes until this one ends.
select pg_advisory_xact_lock(:gate);

-- name: append_deliveries!
-- Raise the tail of each lane, in key order, by its count, and insert deliveries under the numbers that this gives; count
-- them, and write how far each school is planned. A missing lane is created, held if its destination is; a lane that is
-- neither leased nor held becomes due. A delivery names its lane by the place in the arrays, and its own place there; it
-- names its school too, because the database walks through an array of texts to find one of them.
with raised as (
  insert into lanes as x (destination, brin, tail, held, due)
  select u.destination, u.brin, u.n, d.held, case when not d.held then clock_timestamp() end
    from unnest(:lane_destinations::smallint[], :lane_brins::text[], :lane_counts::bigint[]) u (destination, brin, n)
   cross join lateral (select d.held from destinations d where d.id = u.destination offset 0) d
   order by u.destination, u.brin
  on conflict (destination, brin) do update
     set tail = x.tail + excluded.tail,
         due = case when x.owner is null and not x.held then coalesce(x.due, clock_timestamp()) end
  returning destination, brin, tail
), tails as materialized (
  select array_agg(r.tail order by r.destination, r.brin collate "C") as of_lane from raised r
), progress as (
  update planning_progress p set planned_through = t.n
    from unnest(:schools::text[], :throughs::bigint[]) t (brin, n)
   where p.brin = t.brin
), counted as (
  insert into tallies as t (process, destination, status, expects_report, n)
  select :process, u.destination, u.status::delivery_status, u.expects_report, u.n
    from unnest(:destinations::smallint[], :statuses::text[], :expects::boolean[], :ns::bigint[])
         u (destination, status, expects_report, n)
   order by u.destination, u.status, u.expects_report
  on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n
)
insert into deliveries (destination, brin, sequence, event_number, id, branch, type, expects_report, planned_at,
                        published_at, cause, replay_of, result)
select (:lane_destinations::smallint[])[u.lane], u.brin,
       t.of_lane[u.lane] - (:lane_counts::bigint[])[u.lane] + u.place, u.event_number, u.id, coalesce(u.branch, ''),
       u.type::event_type, u.expects_report, :planned_at, u.published_at, u.cause, u.replay_of, u.result
  from tails t
 cross join unnest(:lanes::integer[], :brins::text[], :places::bigint[], :event_numbers::bigint[], :ids::uuid[],
                   :branches::text[], :types::text[], :reports::boolean[], :published_at::timestamptz[],
                   :causes::uuid[], :replays::uuid[], :results::text[])
            u (lane, brin, place, event_number, id, branch, type, expects_report, published_at, cause, replay_of,
               result);

-- name: find_unplanned_schools
-- Find schools with unplanned events, and their counters: the sweep finds what no notification announced.
select s.brin, s.counter
  from schools s left join planning_progress p on p.brin = s.brin
 where s.counter > coalesce(p.planned_through, 0)
 order by s.brin
 limit :most;

-- name: lock_destinations!
-- Lock destinations that may get old events, in key order and before any lane, so that their circuits do not change.
select from destinations d where d.id = any(:destinations::smallint[]) order by d.id for no key update;

-- name: lower_unsettled_from!
-- Let the search for the oldest unprocessed delivery start at these ids again. Destinations are locked in the order
-- given (that of their ids) and before any lane; also those whose search starts at the beginning, so that it does not
-- pass what is being planned.
update destinations d set unsettled_from = case when d.unsettled_from is not null then least(d.unsettled_from, u.id) end
  from unnest(:destinations::smallint[], :ids::uuid[]) u (destination, id)
 where d.id = u.destination;
