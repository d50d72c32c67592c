-- The relay: events from `event_outbox` get a position in `published_events`, and status changes leave
-- `change_outbox`.

-- name: read_event_outbox
-- Return the next events to publish; those of a school in the order of their numbers. A school of which one is refused
-- waits.
select t.id as outbox_id, t.brin, t.number, e.id, e.type::text as kind, e.recorded_at, e.mandate_id, e.body,
       e.traceparent
  from (select o.id, o.brin, o.number from event_outbox o
         where not exists (select from event_outbox r where r.refused_at is not null and r.brin = o.brin)
         order by o.id limit :most) t
 cross join lateral (select e.* from events e where e.brin = t.brin and e.number = t.number offset 0) e
 order by t.id;

-- name: refuse_events!
-- Set events aside that cannot be published; their schools wait until they are tried again.
update event_outbox o set refused_at = :at, refused_because = u.because
  from unnest(:ids::bigint[], :reasons::text[]) u (id, because) where o.id = u.id;

-- name: retry_refused_events!
-- Let the events that were refused longest ago be published again.
update event_outbox o set refused_at = null, refused_because = null
 where o.id in (select r.id from event_outbox r where r.refused_at < :before order by r.refused_at limit :most);

-- name: read_refused_events
-- Return the schools whose events wait because one was refused, with the first reason.
select o.brin, o.number, o.refused_because from event_outbox o where o.refused_at is not null order by o.id limit :most;

-- name: read_last_position$
-- Return the newest position; 0 when nothing was published.
select coalesce(max(position), 0) from published_events;

-- name: move_to_published!
-- Move published events from the outbox, by their rows in the order given, to the positions after one, in one statement.
with done as (
  delete from event_outbox e using unnest(:ids::bigint[]) with ordinality u (id, place) where e.id = u.id
  returning e.brin, e.number, u.place
)
insert into published_events (position, brin, number, published_at)
select :after::bigint + d.place, d.brin, d.number, :at from done d;

-- name: read_change_outbox
-- Return the next status changes to publish.
select id, items::text as items from change_outbox order by id limit :most;

-- name: read_change_subjects
-- Return what status changes are about: the key of the delivery, then its subject as `ChangeSubject` has it.
select d.destination, d.brin, d.sequence, d.id, e.id as event_id, p.name as destination_name, d.branch, e.mandate_id,
       e.mandate_version
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) k (destination, brin, sequence)
 cross join lateral (
    select d.* from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.sequence = k.sequence offset 0) d
 cross join lateral (select e.id, e.mandate_id, e.mandate_version from events e
                      where e.brin = d.brin and e.number = d.event_number offset 0) e
 cross join lateral (select p.name from destinations p where p.id = d.destination offset 0) p;

-- name: delete_changes!
-- Delete status changes that are published.
delete from change_outbox where id = any(:ids::bigint[]);
