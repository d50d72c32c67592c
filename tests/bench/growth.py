"""Statements that make a ledger grow: what years of changes leave, portion by portion, as the ledger check wants it."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = """
with s as (
  insert into systems (supplier_oin, name, service_codes, system_code)
  values ($1, 'LAS of a grown ledger', array['BRON_PO', 'VERZUIM', 'RIO', 'VVA'], $1)
  on conflict do nothing returning supplier_oin
)
insert into destinations (name, kind, supplier_oin, system_code)
select kind || ':' || supplier_oin, kind, supplier_oin, supplier_oin
  from s cross join unnest(array['las', 'las-copy']) kind
"""

MANDATES: Final = """
insert into mandates (id, brin, service_code, supplier_oin, system_code, start_date, version, units, created_at,
                      updated_at)
select gen_random_uuid(), b, s, $2, $2, current_date - $4::integer, $3,
       jsonb_build_array(jsonb_build_object('branch', '', 'routing', null, 'covers', array[b || '00'], 'told', true)),
       now() - make_interval(days => $4), now()
  from unnest($1::text[]) b cross join unnest(array['BRON_PO', 'VERZUIM', 'RIO', 'VVA']) s
"""

DRAFT: Final = """
create temporary table draft on commit drop as
select m.brin, (v - 1) * 4 + m.nth as number, v, m.id as mandate_id, m.destination, m.is_queue, t.at,
       m.service_code, m.supplier_oin, m.start_date, m.bge_code,
       lpad(to_hex((extract(epoch from t.at) * 1000)::bigint), 12, '0') as stamp,
       md5(m.id::text || v) as mark
  from (select m.id, m.brin, m.service_code, m.supplier_oin, m.start_date, c.bge_code,
               coalesce(s.destination, w.id) as destination, s.destination is not null as is_queue,
               row_number() over (partition by m.brin order by m.service_code) as nth
          from mandates m
          join schools c on c.brin = m.brin
          join services s on s.code = m.service_code
          left join destinations w on w.kind = 'las' and w.system_code = m.system_code
         where m.supplier_oin = $1) m
 cross join generate_series($2::integer, $3::integer) v
 cross join lateral (
    select date_trunc('milliseconds', now() - make_interval(secs => 86400.0 * $5::integer * (1 - v / ($4::float + 1)))
           - make_interval(secs => abs(hashtext(m.brin || v) % 3600)) + make_interval(secs => m.nth * 0.001)) as at
    offset 0) t
"""
"""One row per event of these versions; a version of all mandates takes an hour, and all are spread over the days."""

EVENTS: Final = """
insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
select f.brin, f.number, f.at, (f.stamp || '7' || left(f.mark, 3) || '8' || substr(f.mark, 4, 15))::uuid,
       f.mandate_id, f.v, (case f.v when 1 then 'granted' else 'amended' end)::event_type,
       jsonb_build_array(jsonb_build_object(
         'branch', '', 'type', case f.v when 1 then 'granted' else 'amended' end, 'routing', null,
         'covers', array[f.brin || '00'])),
       '{"mandateId":"' || f.mandate_id || '","mandateVersion":' || f.v || ',"state":"active","changes":["'
       || case f.v when 1 then 'granted' else 'endDate' end || '"],"brin":"' || f.brin
       || '","schoolOin":"00000007000' || f.brin || '00000","bgeCode":"' || f.bge_code || '","serviceCode":"'
       || f.service_code || '","supplierOin":"' || f.supplier_oin || '","systemCode":"' || f.supplier_oin
       || '","systemName":"LAS of a grown ledger","startDate":"' || f.start_date
       || '","endDate":null,"branches":[{"branch":"' || f.brin
       || '00","routingId":null}],"copiedFrom":null,"restTold":true}'
  from draft f order by f.at, f.brin, f.number
"""

PUBLISHED: Final = """
insert into published_events (position, brin, number, published_at)
select $1 + row_number() over (order by f.at, f.brin, f.number), f.brin, f.number, f.at + interval '2 ms' from draft f
"""

DELIVERIES: Final = """
insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at, published_at,
                        status, attempts, delivered_at, kafka_partition, kafka_offset, http_status, sent_ms,
                        reported_at, processed_at)
select f.destination, f.brin, f.v, f.number, (f.stamp || '8' || left(f.mark, 3) || '8' || substr(f.mark, 7, 15))::uuid,
       (case f.v when 1 then 'granted' else 'amended' end)::event_type, true, f.at + interval '4 ms',
       f.at + interval '2 ms', (case when f.is_queue then 'processed' else 'activated' end)::delivery_status, 1,
       f.at + interval '8 ms', case when f.is_queue then 1 end, case when f.is_queue then f.number end,
       case when f.is_queue then null else 204 end, case when f.is_queue then null else 3 end,
       f.at + interval '1 hour', f.at + interval '1 hour'
  from draft f order by f.at, f.brin, f.number
"""

LANES: Final = """
insert into lanes (destination, brin, head, tail, sent, closed)
select f.destination, f.brin, max(f.v), max(f.v), max(f.v), max(f.v) from draft f group by 1, 2 order by 1, 2
on conflict (destination, brin) do update
   set head = excluded.head, tail = excluded.tail, sent = excluded.sent, closed = excluded.closed
"""

PLANNED: Final = """
insert into planning_progress select f.brin, max(f.number) from draft f group by f.brin order by 1
on conflict (brin) do update set planned_through = excluded.planned_through
"""

SCHOOLS: Final = """
update schools s set counter = g.counter
  from (select f.brin, max(f.number) as counter from draft f group by f.brin) g where s.brin = g.brin
"""

TALLIES: Final = """
insert into tallies as t (process, destination, status, expects_report, n)
select 0, f.destination, (case when f.is_queue then 'processed' else 'activated' end)::delivery_status, true, count(*)
  from draft f group by f.destination, f.is_queue order by f.destination
on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n
"""

POSITION: Final = "select coalesce(max(position), 0) from published_events"
OF_A_PORTION: Final = (EVENTS, DELIVERIES, LANES, PLANNED, SCHOOLS, TALLIES)
