-- What operators search for: deliveries of the last days by status, mandates by routing characteristic, events by trace.

-- name: list_recent_deliveries
-- List the deliveries in these statuses among the next `chunk` ones before an id, newest first.
select w.id, w.destination, w.sequence, w.brin, s.name as school, w.branch, w.type::text as kind, w.status::text as status,
       w.reason, w.planned_at, w.delivered_at, w.processed_at
  from (select d.id, d.destination, d.sequence, d.brin, d.branch, d.type, d.status, d.reason, d.planned_at, d.delivered_at,
               d.processed_at
          from deliveries d where d.id < :before order by d.id desc limit :chunk) w
  join schools s on s.brin = w.brin
 where w.status::text = any(:statuses::text[])
   and (:destination::smallint is null or w.destination = :destination::smallint)
   and (:brin::text is null or w.brin = :brin::text)
 order by w.id desc limit :most;

-- name: find_id_before$
-- Return the id of the delivery `chunk` places before an id; nothing when there are fewer.
select d.id from deliveries d where d.id < :before order by d.id desc offset :chunk limit 1;

-- name: find_routing_users
-- Return the mandates of a school that use a routing characteristic, and at which branch.
select r.mandate_id, r.branch, m.brin, m.service_code, m.start_date, m.end_date, m.withdrawn_at, y.name as system_name
  from mandates m
  join routes r on r.mandate_id = m.id
  join systems y on y.system_code = m.system_code
 where m.brin = :brin and r.routing_id = :routing
 order by m.service_code, m.start_date;

-- name: find_deliveries_of_event
-- Return the deliveries that were planned for an event.
select d.id from deliveries d where d.brin = :brin and d.event_number = :number
   and d.destination = any(:destinations::smallint[]) order by d.destination, d.sequence limit :most;

-- name: find_events_of_trace
-- Return the events of the last days that were recorded in a trace.
select e.brin, e.number from events e
 where e.recorded_at >= :since and split_part(e.traceparent, '-', 2) = :trace
 order by e.recorded_at limit :most;

-- name: find_event
-- Return the school and number of an event, which was recorded about when its id says.
select e.brin, e.number from events e
 where e.id = :id and e.recorded_at between :since::timestamptz and :until::timestamptz limit 1;
