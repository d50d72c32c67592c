-- The ledger check: what must hold in any snapshot, also under load. Each statement returns the rows that break a
-- rule.

-- name: count_delivery_blocks$
-- Return how many blocks the table of deliveries has; what is added later is in no snapshot that was taken before.
select pg_relation_size('deliveries') / current_setting('block_size')::bigint;

-- name: count_events$
-- Count the events that are kept.
select count(*) from events;

-- name: count_deliveries
-- Count deliveries per status, row by row.
select d.destination, d.status::text as status, d.expects_report, count(*) as n
  from deliveries d group by d.destination, d.status, d.expects_report;

-- name: count_planned
-- Return how many deliveries the lanes planned, and how many of them retention deleted.
select x.destination, sum(x.tail)::bigint as planned, sum(x.archived)::bigint as archived
  from lanes x group by x.destination;

-- name: find_unbalanced_lanes
-- Find lanes whose deliveries are not numbered 1 to `tail`; up to `archived_through`, `archived` of them may be
-- missing.
select coalesce(x.destination, d.destination) as destination, coalesce(x.brin, d.brin) as brin, x.tail, x.archived,
       d.n, d.low, d.high
  from lanes x
  full join (select d.destination, d.brin, count(*) as n,
                    count(*) filter (where d.sequence > l.archived_through) as above,
                    min(d.sequence) as low, max(d.sequence) as high
               from deliveries d left join lanes l on l.destination = d.destination and l.brin = d.brin
              group by d.destination, d.brin) d
    on d.destination = x.destination and d.brin = x.brin
 where x.tail is null or x.tail - x.archived <> coalesce(d.n, 0) or x.tail - x.archived_through <> coalesce(d.above, 0)
    or d.high > x.tail
 order by 1, 2 limit :most;

-- name: find_broken_event_numbers
-- Find schools whose events, with those that retention deleted, are not numbered 1 to their counter, or that are
-- planned beyond it.
select coalesce(s.brin, e.brin) as brin, s.counter, s.archived_events, e.n, e.low, e.high, p.planned_through
  from schools s
  full join (select e.brin, count(*) as n, min(e.number) as low, max(e.number) as high from events e group by e.brin) e
    on e.brin = s.brin
  left join planning_progress p on p.brin = s.brin
 where s.brin is null or s.counter <> coalesce(e.n, 0) + s.archived_events or e.high > s.counter
    or p.planned_through > s.counter
 order by 1 limit :most;

-- name: find_broken_positions
-- Find missing or duplicate positions of `published_events`, apart from those that retention deleted.
select count(*) as n, min(f.position) as low, max(f.position) as high, h.archived_positions
  from published_events f cross join hub_state h
 group by h.archived_positions having max(f.position) <> count(*) + h.archived_positions;

-- name: find_misplaced_events
-- Find events that are not exactly once in `published_events` or `event_outbox`.
select e.brin, e.number, count(f.position) as published, count(t.id) as waiting
  from events e
  left join published_events f on f.brin = e.brin and f.number = e.number
  left join event_outbox t on t.brin = e.brin and t.number = e.number
 group by e.brin, e.number
having count(f.position) + count(t.id) <> 1
 order by e.brin, e.number limit :most;

-- name: find_positions_without_event
-- Find rows of `published_events` and `event_outbox` whose event does not exist.
select x.brin, x.number, x.position
  from (select f.brin, f.number, f.position from published_events f
         union all select t.brin, t.number, null from event_outbox t) x
 where not exists (select from events e where e.brin = x.brin and e.number = x.number)
 order by x.brin, x.number limit :most;

-- name: find_planned_ahead
-- Find schools with deliveries beyond `planned_through`: the planner would plan these again.
select d.brin, d.number, coalesce(p.planned_through, 0) as planned_through
  from (select d.brin, max(d.event_number) as number
          from deliveries d join schools s on s.brin = d.brin and d.event_number <= s.counter group by d.brin) d
  left join planning_progress p on p.brin = d.brin
 where d.number > coalesce(p.planned_through, 0)
 order by d.brin limit :most;

-- name: find_planned_twice
-- Find units of events that are planned more than once for one destination.
select t.destination, t.brin, t.event_number, t.branch, t.n,
       (select max(d.id::text)::uuid from deliveries d
         where d.destination = t.destination and d.brin = t.brin and d.event_number = t.event_number
           and d.branch = t.branch and d.cause is null) as id
  from (select d.destination, d.brin, d.event_number, d.branch, count(*) as n
          from deliveries d where d.cause is null
         group by d.destination, d.brin, d.event_number, d.branch having count(*) > 1) t
 order by 1, 2, 3, 4 limit :most;

-- name: find_duplicate_ids
-- Find ids that several deliveries have.
select d.id, count(*) as n, min(d.destination) as destination, min(d.brin) as brin
  from deliveries d group by d.id having count(*) > 1 order by d.id limit :most;

-- name: find_deliveries_without_event
-- Find deliveries without an event, of another type than their event says, or to a destination where the event does
-- not belong, in these blocks of the table. Events are looked up one by one: no portion reads all of them.
select d.destination, d.brin, d.sequence, d.event_number, d.branch, d.id
  from (select d.* from deliveries d
         where d.ctid >= ('(' || :first::bigint || ',0)')::tid
           and d.ctid < ('(' || :first::bigint + :blocks::bigint || ',0)')::tid offset 0) d
  left join lateral (
    select e.id, e.units, e.mandate_id from events e where e.brin = d.brin and e.number = d.event_number offset 0) e on true
  left join lateral (
    select m.service_code, m.system_code from mandates m where m.id = e.mandate_id offset 0) m on true
  left join services s on s.code = m.service_code
  left join destinations p on p.id = d.destination
 where (s.code is null
        or not e.units @> jsonb_build_array(
                 case when d.cause is null then jsonb_build_object('branch', d.branch, 'type', d.type::text)
                      else jsonb_build_object('branch', d.branch) end)
        or left(d.id::text, 13) <> left(e.id::text, 13)
        or case p.kind when 'duo' then s.destination is distinct from d.destination
                       else m.system_code is distinct from p.system_code
                            or (s.destination is null) <> (p.kind = 'las') end)
 order by 1, 2, 3 limit :most;

-- name: find_unplanned_units
-- Find units of planned events without a delivery to their obligatory destination.
select e.brin, e.number, e.branch, e.type, e.destination
  from (select e.brin, e.number, u.branch, u.type, coalesce(s.destination, w.id) as destination
          from planning_progress p
          join events e on e.brin = p.brin and e.number <= p.planned_through
          join mandates m on m.id = e.mandate_id
          join services s on s.code = m.service_code
          left join destinations w on s.destination is null and w.kind = 'las' and w.system_code = m.system_code
         cross join lateral jsonb_to_recordset(e.units) u (branch text, type text)
         where s.destination is null or u.type not in ('started', 'expired')) e
  left join deliveries d
    on d.destination = e.destination and d.brin = e.brin and d.event_number = e.number and d.branch = e.branch
   and d.cause is null
  left join lanes x on x.destination = e.destination and x.brin = e.brin
 where d.id is null and e.number > coalesce(x.archived_through_event, 0)
 order by 1, 2, 3 limit :most;

-- name: find_stranded_lanes
-- Find lanes with deliveries to send that no forwarder will lease: no due time and no living owner, or a due time
-- that no schedule gives.
select x.destination, x.brin, x.head, x.tail, x.owner, x.due
  from lanes x left join processes p on p.id = x.owner
 where (x.head < x.tail and x.due is null and not x.held
        and (x.owner is null or p.heartbeat_at < clock_timestamp() - make_interval(secs => :patience)))
    or (x.owner is not null and p.id is null)
    or (x.head < x.tail and x.due > clock_timestamp() + interval '31 days')
 order by 1, 2 limit :most;

-- name: find_stuck_circuits
-- Find destinations whose circuit is open and that will not be probed.
select d.id as destination, d.circuit from destinations d
 where d.circuit <> 'closed' and (d.probe_at is null or d.probe_at > clock_timestamp() + interval '31 days')
 order by d.id limit :most;

-- name: find_misplaced_deliveries
-- Find deliveries whose status contradicts the head of their lane, the report that is expected, or their attempts and
-- reports, in these blocks of the table.
select d.destination, d.brin, d.sequence, d.id, d.status::text as status, d.expects_report, x.head, x.closed,
       d.reported_at is not null as is_reported
  from (select d.* from deliveries d
         where d.ctid >= ('(' || :first::bigint || ',0)')::tid
           and d.ctid < ('(' || :first::bigint + :blocks::bigint || ',0)')::tid offset 0) d
  left join lanes x on x.destination = d.destination and x.brin = d.brin
  left join destinations p on p.id = d.destination
 where ((d.sequence <= x.head and d.status in ('waiting', 'retrying'))
    or (d.sequence > x.head and d.status in ('delivered', 'dead'))
    or (d.sequence > x.head and d.status not in ('waiting', 'retrying', 'cancelled') and d.reported_at is null)
    or (d.sequence <= x.closed and d.expects_report and d.status in ('waiting', 'retrying', 'delivered', 'in_progress'))
    or (not d.expects_report
        and d.status not in ('waiting', 'retrying', 'delivered', 'dead', 'cancelled'))
    or d.expects_report <> case p.kind when 'duo' then true when 'las-copy' then false else d.expects_report end
    or (d.status = 'waiting'
        and (d.delivered_at is not null or d.processed_at is not null or d.attempts > 0 or d.failed_since is not null))
    or (d.status in ('retrying', 'dead') and (d.attempts = 0 or d.failed_since is null))
    or ((d.status in ('waiting', 'retrying', 'dead', 'cancelled')) <> (d.delivered_at is null))
    or ((d.status in ('processed', 'processed_with_signal', 'activated', 'rejected', 'declined'))
        <> (d.processed_at is not null))
    or (d.status in ('waiting', 'retrying', 'delivered', 'dead', 'cancelled') and d.reported_at is not null)
    or (d.status in ('in_progress', 'processed', 'processed_with_signal', 'activated', 'rejected', 'declined')
        and d.reported_at is null)
    or (d.status in ('dead', 'cancelled') and d.reason is null))
 order by 1, 2, 3 limit :most;

-- name: find_misreported_deliveries
-- Find deliveries in another status than their newest applied report led to, and reports without a delivery.
select r.destination, r.brin, r.sequence, d.id, d.status::text as status, r.status as said
  from (select distinct on (r.destination, r.brin, r.sequence) r.destination, r.brin, r.sequence, r.status
          from reports r where r.applied order by r.destination, r.brin, r.sequence, r.id desc) r
  left join deliveries d on d.destination = r.destination and d.brin = r.brin and d.sequence = r.sequence
  left join lanes x on x.destination = r.destination and x.brin = r.brin
 where (d.id is null and r.sequence > coalesce(x.archived_through, 0))
    or (d.status::text <> r.status and d.status <> 'superseded')
 order by 1, 2, 3 limit :most;

-- name: find_misplaced_lanes
-- Find lanes whose numbers contradict each other, or whose `sent` is not the last delivery that was sent.
select x.destination, x.brin, x.head, x.tail, x.sent, x.closed, coalesce(t.last, 0) as last
  from lanes x
  left join (select d.destination, d.brin, max(d.sequence) as last
               from lanes y
               join deliveries d on d.destination = y.destination and d.brin = y.brin
              where d.sequence <= y.head and d.status <> 'cancelled'
              group by d.destination, d.brin) t on t.destination = x.destination and t.brin = x.brin
 where x.head > x.tail or x.sent > x.head or x.closed > x.head or (x.owner is not null and x.due is not null)
    or coalesce(t.last, 0) > x.sent or (x.sent > x.archived_through and x.sent <> coalesce(t.last, 0))
 order by 1, 2 limit :most;
