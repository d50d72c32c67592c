-- Deliveries and lanes as people and receivers see them. A filter that is null selects all; the statements are
-- planned for the filters that are given (`force_custom_plan`).

-- name: force_custom_plan!
-- Plan each statement of this transaction for its own parameters.
select set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: list_deliveries
-- List deliveries in the order of their lanes, with their event and the state of their lane. An index is read from its
-- beginning to its end where only a key of three columns says which part of several destinations is meant, so the schools
-- at the ends of a range in one destination are given as well.
select d.destination, d.brin, d.sequence, d.id, d.branch, d.type::text as kind, d.expects_report, d.planned_at,
       d.published_at, d.cause is not null as was_caused, d.replay_of, d.status::text as status, d.delivered_at,
       d.kafka_partition, d.kafka_offset, d.http_status, d.sent_ms, d.reported_at, d.processed_at, d.failed_since,
       d.reason, e.traceparent,
       x.head, x.due, x.held as lane_is_held,
       e.id as event_id, e.mandate_id, e.mandate_version, e.recorded_at, e.units::text as units, m.service_code,
       (select max(b.sequence) from deliveries b
         where b.destination = d.destination and b.brin = d.brin and b.sequence < d.sequence
           and b.status <> 'cancelled') as previous
  from deliveries d
  join lanes x on x.destination = d.destination and x.brin = d.brin
 cross join lateral (select e.* from events e where e.brin = d.brin and e.number = d.event_number offset 0) e
  join mandates m on m.id = e.mandate_id
 where d.destination = any(:destinations::smallint[])
   and (:brins::text[] is null or d.brin = any(:brins::text[]))
   and (:either_destinations::smallint[] is null
        or d.destination = any(:either_destinations::smallint[]) or d.brin = any(:either_brins::text[]))
   and (:ids::uuid[] is null or d.id = any(:ids::uuid[]))
   and (:branch::text is null or d.branch = :branch::text)
   and (:service_code::text is null or m.service_code = :service_code::text)
   and (:mandate_id::uuid is null or e.mandate_id = :mandate_id::uuid)
   and (:event_id::uuid is null or e.id = :event_id::uuid)
   and (:lowest_id::uuid is null or d.id >= :lowest_id::uuid)
   and (:highest_id::uuid is null or d.id <= :highest_id::uuid)
   and (:planned_from::timestamptz is null or d.planned_at >= :planned_from::timestamptz)
   and (:planned_until::timestamptz is null or d.planned_at <= :planned_until::timestamptz)
   and (:after_sequence::bigint is null or d.sequence > :after_sequence::bigint)
   and (:statuses::text[] is null
        or case when d.status in ('waiting', 'retrying') and (x.held or d.destination = any(:held_destinations::smallint[]))
                then 'held' else d.status::text end = any(:statuses::text[]))
   and (:after_destination::smallint is null
        or (d.destination, d.brin, d.sequence)
           > (:after_destination::smallint, :after_brin::text, :after_number::bigint))
   and (:through_destination::smallint is null
        or (d.destination, d.brin, d.sequence)
           <= (:through_destination::smallint, :through_brin::text, :through_number::bigint))
   and (:brin_from::text is null or d.brin >= :brin_from::text)
   and (:brin_through::text is null or d.brin <= :brin_through::text)
 order by d.destination, d.brin, d.sequence
 limit :most;

-- name: find_window_end^
-- Return the key `most` places behind another in the order of lanes, of these schools or of all; nothing when there are
-- fewer. `destinations` come after that of the key.
select w.destination, w.brin, w.sequence
  from ((select d.destination, d.brin, d.sequence
           from deliveries d
          where d.destination = :after_destination::smallint
            and (d.brin, d.sequence) > (:after_brin::text, :after_number::bigint)
            and (:brins::text[] is null or d.brin = any(:brins::text[]))
          order by d.brin, d.sequence limit :most)
        union all
        (select d.destination, d.brin, d.sequence
           from deliveries d
          where d.destination = any(:destinations::smallint[])
            and (:brins::text[] is null or d.brin = any(:brins::text[]))
          order by d.destination, d.brin, d.sequence limit :most)) w
 order by w.destination, w.brin, w.sequence
offset :most - 1 limit 1;

-- name: find_destinations_of_service
-- Return those of these destinations that get messages about a service.
select d.id
  from destinations d join services s on s.code = :service_code
 where d.id = any(:destinations::smallint[])
   and case d.kind when 'duo' then s.destination = d.id when 'las' then s.destination is null
                   else s.destination is not null end;

-- name: find_planned_between
-- Return what was planned in a period, in no order, at most so many.
select d.id from deliveries d
 where d.planned_at >= :planned_from::timestamptz
   and (:planned_until::timestamptz is null or d.planned_at <= :planned_until::timestamptz)
 limit :most;

-- name: read_school_of_mandate$
-- Return the school of a mandate.
select m.brin from mandates m where m.id = :mandate_id;

-- name: read_report_target^
-- Return what a delivery is about and whose it is, for a report by its id.
select d.id, e.mandate_id, e.mandate_version, e.traceparent, p.kind, p.supplier_oin, p.system_code, d.destination,
       d.brin, d.sequence
  from deliveries d
  join destinations p on p.id = d.destination
 cross join lateral (select e.mandate_id, e.mandate_version, e.traceparent from events e
                      where e.brin = d.brin and e.number = d.event_number offset 0) e
 where d.id = :id;

-- name: read_messages
-- Return what the messages of deliveries are built from, in the order of their lanes.
select d.id, d.destination, d.brin, d.sequence, d.branch, d.type::text as kind, d.replay_of, d.result, e.id as event_id,
       e.mandate_id, e.recorded_at, e.units::text as units, e.body, e.traceparent,
       (select max(b.sequence) from deliveries b
         where b.destination = d.destination and b.brin = d.brin and b.sequence < d.sequence
           and b.status <> 'cancelled') as previous
  from unnest(:ids::uuid[]) k (id)
 cross join lateral (select d.* from deliveries d where d.id = k.id offset 0) d
 cross join lateral (select e.* from events e where e.brin = d.brin and e.number = d.event_number offset 0) e
 order by d.destination, d.brin, d.sequence;

-- name: read_attempts
-- Return the failed attempts of a delivery, in order.
select a.number, a.at, a.outcome, a.http_status, a.duration_ms, a.error, a.answer
  from attempts a where a.destination = :destination and a.brin = :brin and a.sequence = :sequence order by a.number;

-- name: read_reports
-- Return the stored reports on a delivery, in the order of arrival.
select r.status, r.signals::text as signals, r.reported_at, r.received_at, r.applied
  from reports r where r.destination = :destination and r.brin = :brin and r.sequence = :sequence order by r.id;

-- name: list_lanes
-- List lanes in order, with the status of the delivery that each sends next.
select x.destination, x.brin, x.head, x.tail, x.due, x.held,
       (select d.status::text from deliveries d
         where x.tail > x.head and d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
           and d.status in ('waiting', 'retrying')
         order by d.sequence limit 1) as next_status
  from lanes x
 where x.destination = any(:destinations::smallint[])
   and (:brins::text[] is null or x.brin = any(:brins::text[]))
   and (:after_destination::smallint is null
        or (x.destination, x.brin) > (:after_destination::smallint, :after_brin::text))
 order by x.destination, x.brin
 limit :most;

-- name: read_newest_per_unit
-- Return the newest delivery per unit of a service at a destination, without processing results, of a system's
-- mandates or of all.
select distinct on (e.mandate_id, d.branch)
       e.mandate_id, d.branch, e.mandate_version, d.id, d.type::text as kind, d.status::text as status, m.end_date
  from deliveries d
  join events e on e.brin = d.brin and e.number = d.event_number
  join mandates m on m.id = e.mandate_id and m.service_code = :service_code
                  and (:system_code::text is null or m.system_code = :system_code::text)
 where d.destination = :destination and d.result is null and (:brins::text[] is null or d.brin = any(:brins::text[]))
 order by e.mandate_id, d.branch, d.event_number desc, d.sequence desc;

-- name: find_mandates_elsewhere
-- Return the school of each mandate that is of none of some schools, of a system's mandates or of all.
select m.id, m.brin from mandates m
 where m.id = any(:mandates::uuid[]) and m.brin <> all(:brins::text[])
   and (:system_code::text is null or m.system_code = :system_code::text);
