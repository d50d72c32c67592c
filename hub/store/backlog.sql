-- The backlog of a system without a subscription: its first subscription replaces it by the current state.

-- name: read_system_schools
-- Return the schools whose webhook deliveries go to a system, in key order.
select distinct m.brin
  from mandates m join services s on s.code = m.service_code
 where m.supplier_oin = :oin and m.system_code = :system_code and s.destination is null
 order by m.brin;

-- name: lock_schools_planning
-- Lock the planning of schools, in the order given (that of their keys).
select p.brin
  from unnest(:brins::text[]) with ordinality k (brin, o)
 cross join lateral (select p.brin from planning_progress p where p.brin = k.brin for update) p;

-- name: read_living_units
-- Return the units that a system's webhook was told of as far as its schools are planned, unless the newest event
-- ended the unit.
select t.brin, t.mandate_id, t.branch
  from (select distinct on (m.id, u.branch) m.brin, m.id as mandate_id, u.branch, u.type
          from mandates m
          join services s on s.code = m.service_code and s.destination is null
          join planning_progress p on p.brin = m.brin
         cross join lateral (select e.number, e.units from events e
                              where e.mandate_id = m.id and e.number <= p.planned_through offset 0) e
         cross join lateral jsonb_to_recordset(e.units) u (branch text, type text)
         where m.supplier_oin = :oin and m.system_code = :system_code
         order by m.id, u.branch, e.number desc) t
 where t.type not in ('withdrawn', 'expired');

-- name: lock_waiting_lanes
-- Lock the lanes of a destination that have deliveries to send, in key order.
select x.brin from lanes x where x.destination = :destination and x.tail > x.head order by x.brin for update;

-- name: cancel_waiting
-- Cancel all waiting deliveries of locked lanes, and return them with their earlier status.
with waiting as materialized (
  select d.destination, d.brin, d.sequence, d.status
    from unnest(:brins::text[]) k (brin)
    join lanes x on x.destination = :destination and x.brin = k.brin
   cross join lateral (
      select d.* from deliveries d
       where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
         and d.status in ('waiting', 'retrying')
       offset 0) d
)
update deliveries d set status = 'cancelled', reason = :reason
  from waiting w
 where d.destination = w.destination and d.brin = w.brin and d.sequence = w.sequence
returning d.brin, d.sequence, w.status::text as before, d.expects_report;

-- name: empty_lanes!
-- Move the heads of locked lanes to their tails; the owner of a leased one loses its lease.
update lanes x
   set head = x.tail, due = null, owner = null, token = x.token + 1,
       sent = greatest(x.sent, (select max(d.sequence) from deliveries d
                                 where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
                                   and d.status <> 'cancelled'))
  from unnest(:brins::text[]) k (brin)
 where x.destination = :destination and x.brin = k.brin;
