-- Status and lag: numbers per destination and in total, from counters and lanes; deliveries are never counted.

-- name: read_search_starts
-- Return destinations that have lanes, with the id at which their search for the oldest unprocessed delivery starts.
select d.id, d.unsettled_from from destinations d
 where exists (select from lanes x where x.destination = d.id) order by d.id;

-- name: find_first_unsettled^
-- Find the first delivery of a destination that is not final, between two ids, within the next `most` deliveries of
-- all destinations.
select w.id
  from (select d.id, d.destination, d.status, d.expects_report from deliveries d
         where d.id >= :low and d.id < :high order by d.id limit :most) w
 where w.destination = :destination
   and (w.status in ('waiting', 'retrying') or (w.expects_report and w.status in ('delivered', 'in_progress')))
 order by w.id limit 1;

-- name: find_first_unprocessed^
-- Find the first delivery of a destination that was delivered and not reported on, from an id, within the next `most`
-- deliveries of all destinations.
select w.id, w.delivered_at, w.cause is null as was_planned_by_event, w.planned_at, w.failed_since, w.reported_at,
       w.status::text as status
  from (select d.id, d.destination, d.status, d.expects_report, d.delivered_at, d.cause, d.planned_at, d.failed_since,
               d.reported_at
          from deliveries d
         where d.id >= :low order by d.id limit :most) w
 where w.destination = :destination and w.expects_report and w.status in ('delivered', 'in_progress')
 order by w.id limit 1;

-- name: find_id_after$
-- Return the id of the delivery `most` places after an id; nothing when there are fewer.
select d.id from deliveries d where d.id >= :low and d.id < :high order by d.id offset :most limit 1;

-- name: lock_destination!
-- Lock a destination, so that the planner adds no old events to it until the transaction ends.
select d.id from destinations d where d.id = :destination for no key update;

-- name: advance_unsettled_from!
-- Start the next search later, unless the planner moved the start meanwhile.
update destinations set unsettled_from = :through where id = :destination and unsettled_from is not distinct from :was;

-- name: sum_log_progress^
-- Return how many events are recorded, published and planned, and how many parked records are open.
select (select coalesce(sum(s.counter), 0)::bigint from schools s) as recorded,
       (select coalesce(max(f.position), 0) from published_events f) as published,
       (select coalesce(sum(p.planned_through), 0)::bigint from planning_progress p) as planned,
       (select count(*) from parked_records p where p.state = 'open') as parked;

-- name: read_oldest_unplanned$
-- Return when the oldest unplanned event was recorded, among the first schools that have one. Schools are looked at one
-- by one only where the sums say that something is unplanned.
select min(e.recorded_at)
  from (select s.brin, coalesce(p.planned_through, 0) as through
          from schools s left join planning_progress p on p.brin = s.brin
         where s.counter > coalesce(p.planned_through, 0) limit 200) s
  join events e on e.brin = s.brin and e.number = s.through + 1
 where (select sum(s.counter) from schools s) > (select coalesce(sum(p.planned_through), 0) from planning_progress p);

-- name: read_destinations
-- Return every destination in use, with its services, its subscription, its circuit and its state. The first lane of a
-- destination is asked for in the order of their index: where there is none, nothing would end a scan of all others.
select d.id, d.name, d.kind, d.topic, d.supplier_oin, d.system_code, d.circuit, d.circuit_since, d.circuit_cause,
       d.circuit_error, d.pace, d.slow_error, case when d.paused_until > clock_timestamp() then d.paused_until end as paused_until,
       d.held_from, d.held_until, d.objective_transport, d.objective_processing, d.objective_share,
       d.objective_version, y.name as system_name, s.names as service_names, s.codes as services, u.id as subscription_id, u.url, u.status as subscription_status,
       case when d.kind <> 'duo' and not exists (select from subscriptions e where e.system_code = d.system_code)
              then 'no_receiver'
            when d.held or d.kind <> 'duo' and u.status is distinct from 'active' then 'held'
            else 'open' end as state,
       d.held, d.kind = 'duo' or coalesce(u.status = 'active', false) as has_receiver
  from destinations d
  left join subscriptions u on u.system_code = d.system_code and u.status <> 'deleted'
  left join systems y on y.system_code = d.system_code
 cross join lateral (
    select coalesce(array_agg(v.code order by v.code), '{}') as codes,
           coalesce(array_agg(v.shown_as order by v.code), '{}') as names
      from services v
     where case d.kind when 'duo' then v.destination = d.id
                       when 'las' then v.destination is null and v.code = any(y.service_codes)
                       else v.destination is not null and v.code = any(coalesce(u.services, '{}')) end
 ) s
 where d.kind = 'duo' or d.kind = 'las' and s.codes <> '{}'
    or (select true from lanes x where x.destination = d.id order by x.brin limit 1)
 order by array_position(array['duo', 'las', 'las-copy'], d.kind), d.name;

-- name: read_last_failure^
-- Return how the newest attempt ended, among lanes of a destination that wait for a later try, or are
-- leased.
select a.at, a.outcome, a.http_status, a.error
  from ((select x.destination, x.brin, x.head from lanes x
          where x.destination = :destination and x.due is not null order by x.due desc limit 1000)
        union
        select x.destination, x.brin, x.head from lanes x
         where x.destination = :destination and x.brin = any(:leased::text[])) x
 cross join lateral (
    select d.sequence from deliveries d
     where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head and d.status = 'retrying'
     order by d.sequence limit 1) d
 cross join lateral (
    select a.* from attempts a
     where a.destination = x.destination and a.brin = x.brin and a.sequence = d.sequence
     order by a.number desc limit 1) a
 order by a.at desc limit 1;

-- name: count_processes
-- Count running processes per role.
select p.role, count(*) as n from processes p
 where p.heartbeat_at > clock_timestamp() - interval '5 seconds' group by p.role;

-- name: read_database_clock$
-- Return the time of the database.
select clock_timestamp();

-- name: allow_table_scans!
-- Let this transaction scan whole tables: it reads all of them.
select set_config(s.name, s.value, true)
  from (values ('enable_seqscan', 'on'), ('enable_hashjoin', 'on'), ('enable_mergejoin', 'on'), ('work_mem', '64MB'),
               ('plan_cache_mode', 'force_custom_plan')) s (name, value);
