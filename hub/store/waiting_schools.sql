-- The schools that wait for a destination, and what it answered last. Lanes are read by key, deliveries by their lane.

-- name: list_waiting_schools
-- List the schools with deliveries that wait for a destination, by BRIN, with the first of them.
select x.brin, s.name, x.tail - x.head as waiting, x.held as is_held, x.due, f.id as first_id,
       case when f.cause is null
            then to_timestamp(('x' || left(replace(f.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
            else f.planned_at end as waits_since
  from lanes x
  join schools s on s.brin = x.brin
 cross join lateral (
    select d.id, d.cause, d.planned_at from deliveries d
     where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
       and d.status in ('waiting', 'retrying')
     order by d.sequence limit 1) f
 where x.destination = :destination and x.tail > x.head and x.brin > :after
 order by x.brin limit :most;

-- name: read_last_answers
-- Return how the newest attempts ended, among the lanes of a destination that wait.
select d.id as delivery_id, x.brin, a.at, a.number, a.outcome, a.http_status, a.duration_ms, a.error, a.answer
  from (select l.destination, l.brin, l.head from lanes l
         where l.destination = :destination and l.tail > l.head limit 5000) x
 cross join lateral (
    select d.id, d.sequence from deliveries d
     where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
       and d.status in ('waiting', 'retrying')
     order by d.sequence limit 1) d
 cross join lateral (
    select a.* from attempts a
     where a.destination = x.destination and a.brin = x.brin and a.sequence = d.sequence
     order by a.number desc limit 1) a
 order by a.at desc limit :most;

-- name: read_next_attempt$
-- Return when a destination is sent to next: its open circuit's next probe, or its first lane that is due.
select case when d.circuit <> 'closed' then d.probe_at
            else (select min(x.due) from lanes x where x.destination = d.id and x.due is not null and not x.held) end
  from destinations d where d.id = :destination;
