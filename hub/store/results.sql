-- Processing results: systems that asked what DUO does with messages about their mandates.

-- name: read_result_subscribers
-- Return systems that asked for results, their destination for copies, and the services meant: DUO's among those
-- subscribed to, or all of DUO's when none is named. The subscriptions are locked until the transaction ends, so that
-- none is deleted and served.
select u.system_code, d.id, d.name, s.codes as services
  from subscriptions u
  join destinations d on d.system_code = u.system_code and d.kind = 'las-copy'
 cross join lateral (
    select array_agg(v.code) filter (where v.code = any(u.services) or not v.any_named) as codes
      from (select v.code, bool_or(v.code = any(u.services)) over () as any_named
              from services v where v.destination is not null) v
 ) s
 where u.processing_results and u.status <> 'deleted'
 order by u.system_code
   for share of u;

-- name: read_result_subjects
-- Return for deliveries to queues whose mandate they are about, their event, and whether the lane for copies exists.
select d.destination, d.brin, d.sequence, p.name, d.event_number, e.mandate_version, m.system_code, m.service_code,
       exists (select from destinations q join lanes x on x.destination = q.id and x.brin = d.brin
                where q.system_code = m.system_code and q.kind = 'las-copy') as has_lane
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) k (destination, brin, sequence)
  join destinations p on p.id = k.destination and p.kind = 'duo'
 cross join lateral (
    select d.destination, d.brin, d.sequence, d.event_number from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.sequence = k.sequence offset 0) d
 cross join lateral (select e.mandate_id, e.mandate_version from events e
                      where e.brin = d.brin and e.number = d.event_number offset 0) e
 cross join lateral (select m.system_code, m.service_code from mandates m where m.id = e.mandate_id offset 0) m;
