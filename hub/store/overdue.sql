-- What is not done and older than the objective of its destination allows: counted up to a bound, through indexes.

-- name: count_overdue_unsent
-- Count per destination the deliveries that wait to be sent since before a moment, at most `most` of them. Held lanes
-- are left out, and so is the time that a destination was held. Lanes are looked at as in `find_oldest_unsent`. In a
-- lane the deliveries were planned in order: it is read one by one, until the first that is not overdue.
select b.destination, n.overdue
  from unnest(:destinations::smallint[], :befores::timestamptz[], :held_froms::timestamptz[],
              :held_untils::timestamptz[]) b (destination, before, held_from, held_until)
 cross join lateral (
    select count(*) as overdue
      from (select t.sequence
              from ((select l.brin from lanes l
                      where l.destination = b.destination and l.due is not null order by l.due limit :most)
                    union
                    (select l.brin from lanes l
                      where l.destination = b.destination and l.due is not null order by l.due desc limit :most)
                    union
                    select k.brin from unnest(:leased_at::smallint[], :leased::text[]) k (destination, brin)
                     where k.destination = b.destination) c
             cross join lateral (
                select l.brin, l.head from lanes l
                 where l.destination = b.destination and l.brin = c.brin and l.tail > l.head and not l.held
                offset 0) x
             cross join lateral (
                with recursive late as (
                  select x.head as sequence
                  union all
                  select f.sequence
                    from late p
                   cross join lateral (
                      select d.sequence, d.planned_at + greatest(
                               b.held_until - greatest(b.held_from, d.planned_at), interval '0') as since
                        from deliveries d
                       where d.destination = b.destination and d.brin = x.brin and d.sequence > p.sequence
                         and d.status in ('waiting', 'retrying')
                       order by d.sequence limit 1) f
                   where f.since < b.before)
                select p.sequence from late p where p.sequence > x.head) t
             limit :most) o) n;

-- name: count_overdue_unprocessed
-- Count per destination the deliveries that were taken and had no report within so many seconds, among the first `most`
-- deliveries of all destinations between two ids, and say how many were looked at. Where a system waits for its school,
-- time stops with its report; elsewhere at the moment up to which reports are read.
select b.destination, n.overdue, n.looked_at
  from unnest(:destinations::smallint[], :lows::uuid[], :highs::uuid[], :read_untils::timestamptz[],
              :seconds::double precision[], :leave_to_schools::boolean[])
       b (destination, low, high, read_until, seconds, leaves_to_schools)
 cross join lateral (
    select count(*) as looked_at,
           count(*) filter (
             where w.destination = b.destination and w.expects_report and w.status in ('delivered', 'in_progress')
               and case when b.leaves_to_schools and w.status = 'in_progress' then w.reported_at else b.read_until end
                   - w.delivered_at > make_interval(secs => b.seconds)) as overdue
      from (select d.destination, d.expects_report, d.status, d.reported_at, d.delivered_at from deliveries d
             where d.id >= b.low and d.id < b.high order by d.id limit :most) w) n;
