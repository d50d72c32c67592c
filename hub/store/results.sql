-- Processing results: who asked to hear what DUO does with messages about its mandates.

-- name: read_result_subscribers
-- Suppliers that asked, their lane of copies, and the services meant: DUO's among those subscribed to, or else all of
-- DUO's. Their subscriptions stay as they are until the transaction ends, so that none is deleted and still told.
select u.supplier_oin, d.id, d.name, s.codes as services
  from subscriptions u
  join destinations d on d.supplier_oin = u.supplier_oin and d.kind = 'las-copy'
 cross join lateral (
    select array_agg(v.code) filter (where v.code = any(u.services) or not v.any_named) as codes
      from (select v.code, bool_or(v.code = any(u.services)) over () as any_named
              from services v where v.destination is not null) v
 ) s
 where u.processing_results and u.status <> 'deleted'
 order by u.supplier_oin
   for share of u;

-- name: read_result_subjects
-- Of deliveries to queues: whose mandate they are about, what they tell of, and whether its lane of copies is there.
select d.destination, d.brin, d.sequence, p.name, d.event_number, e.mandate_version, m.supplier_oin, m.service_code,
       exists (select from destinations q join lanes x on x.destination = q.id and x.brin = d.brin
                where q.supplier_oin = m.supplier_oin and q.kind = 'las-copy') as has_lane
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[]) k (destination, brin, sequence)
  join destinations p on p.id = k.destination and p.kind = 'duo'
 cross join lateral (
    select d.destination, d.brin, d.sequence, d.event_number from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.sequence = k.sequence offset 0) d
 cross join lateral (select e.mandate_id, e.mandate_version from events e
                      where e.brin = d.brin and e.number = d.event_number offset 0) e
 cross join lateral (select m.supplier_oin, m.service_code from mandates m where m.id = e.mandate_id offset 0) m;
