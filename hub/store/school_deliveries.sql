-- The status of schools: the newest event per unit, its newest delivery, and what was reported on it. Each is found by
-- its key from the newest on, so that the answer does not grow with the history of a school.

-- name: read_newest_events_of_units
-- Return the newest event of each mandate that told a unit something; for a queue without what dates raise.
select e.brin, k.branch, e.number, e.mandate_id, e.mandate_version, e.recorded_at,
       e.number <= coalesce((select p.planned_through from planning_progress p where p.brin = e.brin), 0) as is_planned
  from unnest(:mandates::uuid[], :branches::text[], :queues::boolean[]) k (mandate_id, branch, is_queue)
 cross join lateral (
    select e.brin, e.number, e.mandate_id, e.mandate_version, e.recorded_at from events e
     where e.mandate_id = k.mandate_id
       and exists (select from jsonb_array_elements(e.units) u
                    where u ->> 'branch' = k.branch
                      and not (k.is_queue and u ->> 'type' in ('started', 'expired')))
     order by e.mandate_version desc limit 1) e;

-- name: read_newest_deliveries_of_units
-- Return the newest delivery of each event about a unit at a destination; while a repeat of a processed one is on its
-- way, the processed one, with the status of the repeat.
select d.brin, d.destination, d.sequence, d.event_number, d.branch, d.id, d.status::text as status, d.reason, d.expects_report,
       d.planned_at, d.published_at, d.cause is not null as was_caused, d.delivered_at, d.processed_at, d.failed_since,
       x.held as lane_is_held, case when p.id is not null then n.status::text end as repeat_status
  from unnest(:brins::text[], :destinations::smallint[], :numbers::bigint[], :branches::text[])
       k (brin, destination, number, branch)
  join lanes x on x.destination = k.destination and x.brin = k.brin
 cross join lateral (
    select d.* from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.event_number = k.number and d.branch = k.branch
     order by d.sequence desc limit 1) n
  left join lateral (
    select d.* from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.event_number = k.number and d.branch = k.branch
       and n.replay_of is not null and n.status in ('waiting', 'retrying', 'delivered', 'in_progress')
       and d.sequence < n.sequence
       and not (d.replay_of is not null and d.status in ('waiting', 'retrying', 'delivered', 'in_progress', 'superseded'))
     order by d.sequence desc limit 1) p on p.status in ('processed', 'processed_with_signal', 'activated')
 cross join lateral (select n.* where p.id is null union all select p.* where p.id is not null) d;

-- name: read_newest_signals
-- Return the signals of the newest applied report on each delivery.
select k.brin, k.destination, k.sequence, r.signals
  from unnest(:brins::text[], :destinations::smallint[], :sequences::bigint[]) k (brin, destination, sequence)
 cross join lateral (
    select r.signals::text as signals from reports r
     where r.destination = k.destination and r.brin = k.brin and r.sequence = k.sequence and r.applied
     order by r.reported_at desc, r.id desc limit 1) r;

-- name: read_marks
-- Return of each of these schools a mark that differs when its events, its lanes or their newest deliveries do.
select s.brin, md5(concat_ws(' ', s.counter, p.planned_through, x.marks)) as mark
  from unnest(:brins::text[]) k (brin)
  join schools s on s.brin = k.brin
  left join planning_progress p on p.brin = k.brin
 cross join lateral (
    select string_agg(concat_ws(' ', x.destination, x.held, d.sequence, d.status, d.processed_at), ','
                      order by x.destination, d.sequence) as marks
      from destinations y
      join lanes x on x.destination = y.id and x.brin = k.brin
     cross join lateral (
        select d.sequence, d.status, d.processed_at from deliveries d
         where d.destination = x.destination and d.brin = x.brin order by d.sequence desc limit 64) d) x;
