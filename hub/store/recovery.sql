-- Comparison with the published log after a restore: events that only the log has, and events that only the database
-- has. Not on the hot path.

-- name: read_events_at
-- Return the ids of the events under these numbers, and the counters of their schools.
select k.o, e.id, coalesce(s.counter, 0) as counter
  from unnest(:brins::text[], :numbers::bigint[]) with ordinality k (brin, number, o)
  left join lateral (select e.id from events e where e.brin = k.brin and e.number = k.number offset 0) e on true
  left join lateral (select s.counter from schools s where s.brin = k.brin offset 0) s on true
 order by k.o;

-- name: read_outbox_ids
-- Return every event that waits for publication, with its id.
select t.id as outbox_id, t.brin, t.number, e.id
  from event_outbox t
 cross join lateral (select e.id from events e where e.brin = t.brin and e.number = t.number offset 0) e
 order by t.id;

-- name: read_unpublished_since
-- Return events of schools from a number on: they were recorded under numbers that the log gave to others.
select e.brin, e.number, e.id, e.recorded_at, e.mandate_id, e.mandate_version, e.type::text as type, e.units::text as units,
       e.body, e.traceparent, m.service_code,
       exists (select 1 from event_outbox t where t.brin = e.brin and t.number = e.number) as is_unpublished,
       e.number <= coalesce((select p.planned_through from planning_progress p where p.brin = e.brin), 0) as is_planned
  from unnest(:brins::text[], :numbers::bigint[]) k (brin, number)
 cross join lateral (select e.* from events e where e.brin = k.brin and e.number >= k.number offset 0) e
 cross join lateral (select m.service_code from mandates m where m.id = e.mandate_id offset 0) m
 order by e.brin, e.number;

-- name: lock_planning!
-- Lock schools against the planner, in key order.
select p.brin from planning_progress p where p.brin = any(:brins::text[]) order by p.brin for update;

-- name: read_mandates_by_id
-- Return mandates in any state.
select m.id, m.brin, m.service_code, m.supplier_oin, m.system_code, m.start_date, m.end_date, m.version, m.units::text as units,
       m.next_date, m.copied_from, m.created_at, m.updated_at, m.withdrawn_at,
       (select json_object_agg(r.branch, r.routing_id)::text from routes r where r.mandate_id = m.id) as routes
  from mandates m
 where m.id = any(:ids::uuid[]);

-- name: delete_events!
-- Delete events that the same transaction inserts under other numbers.
delete from events e using unnest(:brins::text[], :numbers::bigint[]) k (brin, number)
 where e.brin = k.brin and e.number = k.number;

-- name: renumber_event_outbox!
-- Renumber rows of the outbox.
update event_outbox t set number = k.after
  from unnest(:brins::text[], :befores::bigint[], :afters::bigint[]) k (brin, before, after)
 where t.brin = k.brin and t.number = k.before;

-- name: write_recovered_mandates!
-- Write mandates as they were after their newest event on the log.
insert into mandates as x (id, brin, service_code, supplier_oin, system_code, start_date, end_date, version, units,
                           next_date, copied_from, created_at, updated_at, withdrawn_at)
select u.id, u.brin, u.service_code, u.supplier_oin, u.system_code, u.start_date, u.end_date, u.version, u.units,
       u.next_date, u.copied_from, u.created_at, u.updated_at, u.withdrawn_at
  from json_to_recordset(:mandates::json)
       u (id uuid, brin text, service_code text, supplier_oin text, system_code text, start_date date, end_date date,
          version integer, units jsonb, next_date date, copied_from uuid, created_at timestamptz,
          updated_at timestamptz, withdrawn_at timestamptz)
on conflict (id) do update
   set start_date = excluded.start_date, end_date = excluded.end_date, version = excluded.version,
       units = excluded.units, next_date = excluded.next_date, updated_at = excluded.updated_at,
       withdrawn_at = excluded.withdrawn_at;

-- name: write_recovered_routes!
-- Replace the routing of these mandates.
with gone as (
  delete from routes r
   where r.mandate_id = any(:mandates::uuid[])
     and not exists (select 1 from unnest(:ids::uuid[], :branches::text[]) u (id, branch)
                      where u.id = r.mandate_id and u.branch = r.branch)
)
insert into routes as x (mandate_id, branch, routing_id)
select u.id, u.branch, u.routing_id
  from unnest(:ids::uuid[], :branches::text[], :routing_ids::text[]) u (id, branch, routing_id)
on conflict (mandate_id, branch) do update set routing_id = excluded.routing_id;

-- name: write_recovered_events!
-- Insert events as the log has them.
insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body, traceparent)
select u.brin, u.number, u.recorded_at, u.id, u.mandate_id, u.mandate_version, u.type, u.units, u.body, u.traceparent
  from json_to_recordset(:events::json)
       u (brin text, number bigint, recorded_at timestamptz, id uuid, mandate_id uuid, mandate_version integer,
          type event_type, units jsonb, body text, traceparent text);

-- name: raise_counters!
-- Raise the counters of schools to these numbers.
update schools s set counter = greatest(s.counter, u.counter)
  from unnest(:brins::text[], :counters::bigint[]) u (brin, counter)
 where s.brin = u.brin;

-- name: write_positions!
-- Insert published events at their positions and delete them from the outbox.
with done as (
  delete from event_outbox t using unnest(:brins::text[], :numbers::bigint[]) u (brin, number)
   where t.brin = u.brin and t.number = u.number
)
insert into published_events (position, brin, number, published_at)
select u.position, u.brin, u.number, u.published_at
  from unnest(:positions::bigint[], :brins::text[], :numbers::bigint[], :published_ats::timestamptz[])
       u (position, brin, number, published_at);

-- name: add_archived!
-- Count event numbers and positions that belong to deleted events.
with school as (
  update schools s set archived_events = s.archived_events + u.n
    from unnest(:brins::text[], :ns::bigint[]) u (brin, n) where s.brin = u.brin
)
update hub_state set archived_positions = archived_positions + :positions;

-- name: read_published_events
-- Return published events after a position, in order.
select f.position, e.brin, e.number, e.id, e.type::text as kind, e.recorded_at, e.mandate_id, e.body, e.traceparent,
       coalesce((select b.number from events b where b.brin = f.brin and b.number < f.number
                  order by b.number desc limit 1), 0) as previous
  from (select position, brin, number from published_events where position > :after order by position limit :most) f
 cross join lateral (select e.* from events e where e.brin = f.brin and e.number = f.number offset 0) e
 order by f.position;
