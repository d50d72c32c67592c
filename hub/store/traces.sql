-- Traces: which deliveries are of a trace, and of which trace something is. No index holds them: a trace's id is random,
-- and an index on it would cost every change a page of its own.

-- name: find_ids_of_trace
-- Return the deliveries of a trace whose events were recorded in a period, of a school or of all.
select d.id
  from events e
 cross join lateral (select d.id from deliveries d
                      where d.id >= (substr(e.id::text, 1, 13) || '-0000-0000-000000000000')::uuid
                        and d.id <= (substr(e.id::text, 1, 13) || '-ffff-ffff-ffffffffffff')::uuid
                        and d.brin = e.brin and d.event_number = e.number offset 0) d
 where e.recorded_at >= :since and e.recorded_at <= :until
   and (:brin::text is null or e.brin = :brin::text)
   and substr(e.traceparent, 4, 32) = :trace_id
 limit :most;

-- name: read_traceparents_of_events
-- Return the trace of each event that has one.
select e.brin, e.number, e.traceparent
  from unnest(:brins::text[], :numbers::bigint[]) k (brin, number)
  join events e on e.brin = k.brin and e.number = k.number
 where e.traceparent is not null;

-- name: read_traceparents_of_deliveries
-- Return the trace of each delivery that has one.
select d.id, e.traceparent
  from unnest(:ids::uuid[]) k (id)
 cross join lateral (select d.* from deliveries d where d.id = k.id offset 0) d
  join events e on e.brin = d.brin and e.number = d.event_number
 where e.traceparent is not null;
