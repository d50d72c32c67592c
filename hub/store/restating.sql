-- The current state of units, appended to their lanes. Schools are locked before destinations, and destinations
-- before lanes.

-- name: read_newest_unit_events
-- Return the newest planned event of each type per unit, and the destination that is asked for.
select distinct on (k.o, u.type) k.o, u.type, e.number, e.id, p.id as destination, p.name, p.kind, p.system_code,
       m.service_code
  from unnest(:destinations::smallint[], :brins::text[], :mandates::uuid[], :branches::text[])
       with ordinality k (destination, brin, mandate_id, branch, o)
 cross join lateral (select p.planned_through from planning_progress p where p.brin = k.brin offset 0) t
 cross join lateral (select e.number, e.id, e.units from events e
                      where e.mandate_id = k.mandate_id and e.brin = k.brin and e.number <= t.planned_through offset 0) e
 cross join lateral jsonb_to_recordset(e.units) u (branch text, type text)
 cross join lateral (select p.id, p.name, p.kind, p.system_code from destinations p
                      where p.id = k.destination offset 0) p
 cross join lateral (select m.service_code from mandates m where m.id = k.mandate_id offset 0) m
 where u.branch = k.branch
 order by k.o, u.type, e.number desc;

-- name: read_lane_unit_states
-- Return what lanes hold of the units of some mandates, without processing results. Deliveries from `lost_from` on
-- count as not delivered; deliveries that a first subscription replaced are not restated.
select d.destination, d.brin, e.mandate_id, d.branch,
       max(d.event_number) filter (where d.status in ('waiting', 'retrying')) as waits_with,
       bool_or(d.cause is not distinct from :cause::uuid) as was_restated,
       (array_agg(d.type::text order by d.sequence desc)
         filter (where d.delivered_at is not null and d.sequence < k.lost_from))[1] as last_taken,
       (array_agg(d.id order by d.sequence desc)
         filter (where d.status <> 'cancelled' or d.reason <> 'no_receiver'))[1] as newest
  from unnest(:destinations::smallint[], :brins::text[], :lost_froms::bigint[]) k (destination, brin, lost_from)
 cross join lateral (
    select d.destination, d.brin, d.sequence, d.event_number, d.id, d.branch, d.type, d.cause, d.status, d.delivered_at,
           d.reason
      from deliveries d where d.destination = k.destination and d.brin = k.brin and d.result is null offset 0) d
 cross join lateral (select e.mandate_id from events e where e.brin = d.brin and e.number = d.event_number offset 0) e
 where e.mandate_id = any(:mandates::uuid[])
 group by d.destination, d.brin, e.mandate_id, d.branch;
