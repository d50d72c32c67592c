-- The status of a school: its events, the newest delivery per unit, and what was reported on it.

-- name: read_school_events
-- Return the events of a school, newest first, with their units and whether they are planned.
select e.number, e.mandate_id, e.mandate_version, e.type::text as kind, e.recorded_at, e.units::text as units,
       e.number <= coalesce((select p.planned_through from planning_progress p where p.brin = e.brin), 0) as is_planned
  from events e where e.brin = :brin order by e.number desc;

-- name: read_newest_school_deliveries
-- Return the newest delivery per destination, event and unit of a school.
select distinct on (d.destination, d.event_number, d.branch)
       d.destination, d.sequence, d.event_number, d.branch, d.id, d.status::text as status, d.reason, d.expects_report,
       d.planned_at, d.published_at, d.cause is not null as was_caused, d.delivered_at, d.processed_at, d.failed_since,
       x.held as lane_is_held
  from deliveries d
  join lanes x on x.destination = d.destination and x.brin = d.brin
 where d.destination = any(:destinations::smallint[]) and d.brin = :brin
 order by d.destination, d.event_number, d.branch, d.sequence desc;

-- name: read_newest_signals
-- Return the signals of the newest applied report on each delivery.
select k.destination, k.sequence, r.signals
  from unnest(:destinations::smallint[], :sequences::bigint[]) k (destination, sequence)
 cross join lateral (
    select r.signals::text as signals from reports r
     where r.destination = k.destination and r.brin = :brin and r.sequence = k.sequence and r.applied
     order by r.reported_at desc, r.id desc limit 1) r;
