-- Sums over lanes, read at each scrape: what waits is found by `lanes_due` and `lanes_held`, idle lanes are not touched.

-- name: count_lanes
-- Count the lanes of each destination.
select x.destination, count(*) as n from lanes x group by x.destination;

-- name: find_leased_lanes
-- Find the lanes that a forwarder has leased; this reads every lane.
select x.destination, x.brin from lanes x where x.owner is not null;

-- name: sum_due_lanes
-- Return per destination how many lanes are due, now or later.
select d.id as destination, n.lanes
  from destinations d
 cross join lateral (select count(*) as lanes from lanes x where x.destination = d.id and x.due is not null) n
 where n.lanes > 0;

-- name: sum_leased_lanes
-- Return per destination how many of these lanes are leased.
select x.destination, count(*) as lanes
  from unnest(:destinations::smallint[], :brins::text[]) k (destination, brin)
 cross join lateral (
    select l.destination from lanes l
     where l.destination = k.destination and l.brin = k.brin and l.owner is not null offset 0) x
 group by x.destination;

-- name: sum_held_lanes
-- Return per destination its held lanes with something to send, and the deliveries in them.
select x.destination, count(*) as lanes, sum(h.waiting)::bigint as waiting, sum(h.retrying)::bigint as retrying
  from lanes x
 cross join lateral (
    select count(*) filter (where d.status = 'waiting') as waiting,
           count(*) filter (where d.status = 'retrying') as retrying
      from deliveries d
     where x.tail > x.head and d.destination = x.destination and d.brin = x.brin and d.sequence > x.head) h
 where x.held and x.tail > x.head and h.waiting + h.retrying > 0
 group by x.destination;

-- name: find_lanes_held_otherwise
-- Return the schools that differ from the hold of their destination.
select d.id as destination, true as is_held, x.brins
  from destinations d
 cross join lateral (
    select array_agg(x.brin order by x.brin) as brins from lanes x where x.destination = d.id and x.held) x
 where not d.held and x.brins is not null
union all
select d.id, false, x.brins
  from destinations d
 cross join lateral (
    select array_agg(x.brin order by x.brin) as brins from lanes x where x.destination = d.id and not x.held) x
 where d.held and x.brins is not null;

-- name: find_oldest_unsent
-- Return per destination the delivery that waits longest to be sent, and the one that waits longest outside held lanes.
-- One that the planner did not plan waits since `planned_at`, others since their event, whose milliseconds are the
-- first 48 bits of the id. Where more than `most` lanes wait, both ends of the line are looked at: those that were due
-- first, and those whose next try is furthest away, because they have failed most often.
with candidate as (
  select x.destination, x.brin
    from unnest(:busy::smallint[]) b (destination)
   cross join lateral (
      (select l.destination, l.brin from lanes l
        where l.destination = b.destination and l.due is not null order by l.due limit :most)
      union
      (select l.destination, l.brin from lanes l
        where l.destination = b.destination and l.due is not null order by l.due desc limit :most)) x
  union
  select k.destination, k.brin from unnest(:destinations::smallint[], :brins::text[]) k (destination, brin)
  union
  select x.destination, x.brin from lanes x where x.held and x.tail > x.head
), waiting as (
  select c.destination, f.id, f.cause is null as was_planned_by_event, f.planned_at, f.failed_since, x.held as is_held,
         case when f.cause is null
              then to_timestamp(('x' || left(replace(f.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
              else f.planned_at end as since
    from candidate c
   cross join lateral (
      select l.head, l.tail, l.held from lanes l where l.destination = c.destination and l.brin = c.brin offset 0) x
   cross join lateral (
      select d.id, d.cause, d.planned_at, d.failed_since from deliveries d
       where x.tail > x.head and d.destination = c.destination and d.brin = c.brin and d.sequence > x.head
         and d.status in ('waiting', 'retrying')
       order by d.sequence limit 1) f
)
select distinct on (w.destination)
       w.destination, w.id, w.was_planned_by_event, w.planned_at, w.failed_since, w.is_held,
       min(w.since) filter (where not w.is_held) over (partition by w.destination) as waits_since
  from waiting w
 order by w.destination, w.since;
