-- Snapshots: the lanes of a destination in pages of schools, each with the position of the log that it stands for.

-- name: read_planned_position$
-- Return a position of the log up to which everything is planned: the last one, unless planning is behind. Then it is
-- the last one published five minutes before the oldest unplanned event was recorded, because clocks may differ.
with unplanned as (
  select min(e.recorded_at) as recorded_at
    from schools s
    left join planning_progress p on p.brin = s.brin
    join events e on e.brin = s.brin and e.number = coalesce(p.planned_through, 0) + 1
   where s.counter > coalesce(p.planned_through, 0))
select coalesce((select f.position from published_events f
                  where u.recorded_at is null or f.published_at < u.recorded_at - interval '5 minutes'
                  order by f.position desc limit 1), 0)
  from unplanned u;

-- name: read_lanes_after
-- Return the next lanes of a destination that something was planned for, in the order of schools, with the number of
-- the school's newest planned event.
select x.brin, x.tail, coalesce(p.planned_through, 0) as planned_through
  from lanes x
  left join planning_progress p on p.brin = x.brin
 where x.destination = :destination and x.brin > :after and x.tail > 0
 order by x.brin limit :most;
