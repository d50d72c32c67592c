-- Reports of receivers. Lanes are locked in key order before their deliveries are read.

-- name: find_deliveries_by_id
-- Return the keys of the deliveries with these ids.
select d.id, d.destination, d.brin, d.sequence from deliveries d where d.id = any(:ids::uuid[]);

-- name: find_queue_deliveries_by_id
-- Return the keys of the deliveries with these ids that go to a queue of DUO.
select d.id, d.destination, d.brin, d.sequence
  from deliveries d
 where d.id = any(:ids::uuid[]) and (select t.kind from destinations t where t.id = d.destination) = 'duo';

-- name: find_deliveries_by_mandate
-- Return the keys of all units of versions of mandates, at DUO's queue of their service.
select e.mandate_id, e.mandate_version, d.id, d.destination, d.brin, d.sequence
  from unnest(:mandates::uuid[], :versions::integer[]) k (mandate_id, mandate_version)
 cross join lateral (select e.* from events e
                      where e.mandate_id = k.mandate_id and e.mandate_version = k.mandate_version offset 0) e
  join mandates m on m.id = e.mandate_id
  join services s on s.code = m.service_code
 cross join lateral (select d.id, d.destination, d.brin, d.sequence from deliveries d
                      where d.destination = s.destination and d.brin = e.brin and d.event_number = e.number offset 0) d;

-- name: lock_lanes
-- Lock lanes, given in key order.
select x.destination, x.brin, x.head, x.closed, x.owner
  from unnest(:destinations::smallint[], :brins::text[]) k (destination, brin)
 cross join lateral (
    select l.destination, l.brin, l.head, l.closed, l.owner from lanes l
     where l.destination = k.destination and l.brin = k.brin
       for update
 ) x;

-- name: lock_or_create_lanes
-- Lock lanes in key order and create missing ones, held if their destination is. One order for locking and creating
-- keeps this and the planner from a deadlock. Until the transaction ends no destination is held or released as a
-- whole.
insert into lanes as x (destination, brin, held)
select u.destination, u.brin, d.held
  from unnest(:destinations::smallint[], :brins::text[]) u (destination, brin)
 cross join lateral (select d.held from destinations d where d.id = u.destination offset 0) d
 order by u.destination, u.brin
on conflict (destination, brin) do update set token = x.token
returning x.destination, x.brin, x.head, x.closed, x.owner;

-- name: read_window
-- Return deliveries that wait for a report, per lane between two sequences.
select d.destination, d.brin, d.sequence, d.id, d.branch, d.status::text as status, d.expects_report, d.reported_at,
       d.delivered_at, e.id as event_id, e.mandate_id
  from unnest(:destinations::smallint[], :brins::text[], :froms::bigint[], :throughs::bigint[])
       k (destination, brin, low, high)
 cross join lateral (
    select d.* from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.sequence > k.low and d.sequence <= k.high
       and d.expects_report and d.status in ('waiting', 'retrying', 'delivered', 'in_progress')
     offset 0) d
 cross join lateral (select e.id, e.mandate_id from events e
                      where e.brin = d.brin and e.number = d.event_number offset 0) e
 order by d.destination, d.brin, d.sequence;

-- name: read_targets
-- Return the deliveries that reports name, anywhere in their lanes.
select d.destination, d.brin, d.sequence, d.id, d.branch, d.status::text as status, d.expects_report, d.reported_at,
       d.delivered_at, e.id as event_id, e.mandate_id
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) k (destination, brin, sequence)
 cross join lateral (
    select d.* from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.sequence = k.sequence offset 0) d
 cross join lateral (select e.id, e.mandate_id from events e
                      where e.brin = d.brin and e.number = d.event_number offset 0) e;

-- name: mark_reported!
-- Write the status that a report or a newer delivery led to.
update deliveries d
   set status = u.status::delivery_status, reported_at = u.reported_at, processed_at = u.processed_at,
       delivered_at = coalesce(d.delivered_at, u.delivered_at), reason = u.reason
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :statuses::text[],
              :reported_ats::timestamptz[], :processed_ats::timestamptz[], :delivered_ats::timestamptz[],
              :reasons::text[])
       u (destination, brin, sequence, status, reported_at, processed_at, delivered_at, reason)
 where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence;

-- name: write_closed!
-- Write through which sequence no delivery waits for a report; the lanes are locked.
update lanes x set closed = u.closed
  from unnest(:destinations::smallint[], :brins::text[], :closeds::bigint[]) u (destination, brin, closed)
 where x.destination = u.destination and x.brin = u.brin;

-- name: write_reports!
-- Insert reports with signals, corrections, and reports that changed nothing.
insert into reports (destination, brin, sequence, status, signals, reported_at, received_at, applied, ignored_because)
select u.destination, u.brin, u.sequence, u.status, u.signals::jsonb, u.reported_at, u.received_at, u.ignored is null,
       u.ignored
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :statuses::text[], :signals::text[],
              :reported_ats::timestamptz[], :received_ats::timestamptz[], :ignored::text[])
       u (destination, brin, sequence, status, signals, reported_at, received_at, ignored);

-- name: trim_reports!
-- Delete what these deliveries have beyond the newest reports that were applied, and beyond the newest ignored ones.
delete from reports r
 where r.id in (
    select x.id
      from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) k (destination, brin, sequence)
     cross join lateral (
        select o.id, row_number() over (partition by o.applied order by o.id desc) as place from reports o
         where o.destination = k.destination and o.brin = k.brin and o.sequence = k.sequence
        offset 0) x
     where x.place > :most);

-- name: write_earlier_reports!
-- Copy a first report from the columns of its delivery to a row, before another one replaces it.
insert into reports (destination, brin, sequence, status, signals, reported_at, received_at, applied)
select d.destination, d.brin, d.sequence, d.status::text, '[]', d.reported_at, coalesce(d.processed_at, d.reported_at), true
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) k (destination, brin, sequence)
  join deliveries d on d.destination = k.destination and d.brin = k.brin and d.sequence = k.sequence
 where d.reported_at is not null
   and not exists (select 1 from reports r where r.destination = d.destination and r.brin = d.brin
                                             and r.sequence = d.sequence and r.applied);

-- name: park_record!
-- Park a record that cannot be used; the same record again changes nothing.
insert into parked_records (topic, partition, "offset", key, headers, bytes, digest, reason, blame, detail, delivery_id,
                    mandate_id, mandate_version, received_at, written_at)
values (:topic, :partition, :offset, :key, :headers::jsonb, :bytes, :digest, :reason, :blame, :detail, :delivery_id,
        :mandate_id, :mandate_version, :received_at, :written_at)
on conflict do nothing;

-- name: claim_parked_reports
-- Lock parked reports whose delivery to DUO exists by now.
select p.id, p.topic, p.partition, p."offset", p.headers::text as headers, p.bytes
  from parked_records p
 where p.state = 'open' and p.reason = 'unknown_delivery'
   and (exists (select 1 from deliveries d join destinations t on t.id = d.destination
                 where d.id = p.delivery_id and t.kind = 'duo')
        or exists (select 1 from events e
                     join mandates m on m.id = e.mandate_id
                     join services s on s.code = m.service_code
                     join deliveries d on d.destination = s.destination and d.brin = e.brin and d.event_number = e.number
                    where e.mandate_id = p.mandate_id and e.mandate_version = p.mandate_version))
 order by p.id limit 500
   for update of p skip locked;

-- name: retry_parked_schools
-- Mark parked notifications of schools that exist by now as retried: the planner finds the events by itself.
update parked_records p set state = 'retried'
 where p.state = 'open' and p.reason = 'unknown_school'
   and exists (select from schools s where s.brin = convert_from(p.key, 'UTF8'))
returning p.id;

-- name: refuse_parked!
-- It cannot be used for another reason than that its delivery was unknown.
update parked_records set reason = :reason, detail = :detail, blame = :blame where id = :id;

-- name: mark_parked_retried!
-- Mark parked records as applied.
update parked_records set state = 'retried' where id = any(:ids::bigint[]);

-- name: mark_cancelled!
-- Cancel a delivery.
update deliveries set status = 'cancelled', reason = :reason
 where destination = :destination and brin = :brin and sequence = :sequence;

-- name: mark_many_cancelled!
-- Cancel those of these deliveries that wait.
update deliveries d set status = 'cancelled', reason = :reason
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) u (destination, brin, sequence)
 where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence
   and d.status in ('waiting', 'retrying');

-- name: skip_cancelled!
-- Move the head of a lane past deliveries that need no sending: cancelled, or reported on before their transport was
-- recorded. If the head does not move, the due time stays.
update lanes x set head = n.head, sent = greatest(x.sent, n.sent),
       due = case when x.tail > n.head and not x.held
                  then case when n.head > x.head then clock_timestamp() else coalesce(x.due, clock_timestamp()) end end
  from (select f.head, (select max(d.sequence) from deliveries d
                         where d.destination = :destination and d.brin = :brin and d.sequence > f.head_before
                           and d.sequence <= f.head and d.status <> 'cancelled') as sent
          from (select l.head as head_before, coalesce(min(d.sequence) - 1, l.tail) as head
                  from lanes l
                  left join deliveries d on d.destination = l.destination and d.brin = l.brin and d.sequence > l.head
                       and d.status in ('waiting', 'retrying')
                 where l.destination = :destination and l.brin = :brin
                 group by l.head, l.tail) f) n
 where x.destination = :destination and x.brin = :brin and x.owner is null;
