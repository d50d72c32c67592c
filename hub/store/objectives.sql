-- Objectives of destinations, and counts per hour of the measurements that met or missed them.

-- name: read_own_objectives
-- Return the destinations with an objective of their own.
select d.id, d.objective_transport, d.objective_processing, d.objective_share
  from destinations d where d.objective_share is not null;

-- name: lock_own_objective^
-- Lock a destination and return its own objective, if it has one.
select d.id, d.objective_transport, d.objective_processing, d.objective_share, d.objective_version
  from destinations d where d.name = :name for no key update;

-- name: write_own_objective!
-- Give a destination an objective of its own, or none.
update destinations
   set objective_transport = :transport, objective_processing = :processing, objective_share = :share,
       objective_version = objective_version + 1
 where id = :id;

-- name: add_objective_counts!
-- Add to the counts of this hour.
insert into objective_counts as o (process, hour, destination, met, missed)
select :process, date_trunc('hour', clock_timestamp()), u.destination, u.met, u.missed
  from unnest(:destinations::smallint[], :mets::bigint[], :misseds::bigint[]) u (destination, met, missed)
 order by u.destination
on conflict (process, hour, destination) do update set met = o.met + excluded.met, missed = o.missed + excluded.missed;

-- name: sum_objective_counts
-- Return per destination the counts of the last thirty days, and of this hour and the one before.
select o.destination, sum(o.met + o.missed)::bigint as month, sum(o.met)::bigint as month_met,
       coalesce(sum(o.met + o.missed) filter (where o.hour >= date_trunc('hour', clock_timestamp()) - interval '1 hour'),
                0)::bigint as hour,
       coalesce(sum(o.met) filter (where o.hour >= date_trunc('hour', clock_timestamp()) - interval '1 hour'),
                0)::bigint as hour_met
  from objective_counts o where o.hour > clock_timestamp() - interval '30 days'
 group by o.destination;

-- name: fold_objective_counts!
-- Merge the hours that are over into those of process 0, and delete those of more than thirty days ago.
with old as (
  delete from objective_counts o
   where o.hour < clock_timestamp() - interval '31 days'
      or (o.process <> 0 and o.hour < date_trunc('hour', clock_timestamp()) - interval '1 hour')
  returning o.*
)
insert into objective_counts as o (process, hour, destination, met, missed)
select 0, x.hour, x.destination, sum(x.met), sum(x.missed) from old x
 where x.hour >= clock_timestamp() - interval '31 days' group by x.hour, x.destination order by x.hour, x.destination
on conflict (process, hour, destination) do update set met = o.met + excluded.met, missed = o.missed + excluded.missed;
