"""Statements that fill a register and record events in the database itself, so that loading costs little."""

from __future__ import annotations

from typing import Final

SYSTEMS: Final = """
with s as (
  insert into systems (supplier_oin, name, service_codes, system_code)
  select oin, 'LAS ' || oin, $2::text[], oin from unnest($1::text[]) oin returning supplier_oin
)
insert into destinations (name, kind, supplier_oin, system_code)
select kind || ':' || supplier_oin, kind, supplier_oin, supplier_oin
  from s cross join unnest(array['las', 'las-copy']) kind
"""

MANDATES: Final = """
insert into mandates (id, brin, service_code, supplier_oin, system_code, start_date, units, created_at, updated_at)
select gen_random_uuid(), s.brin, $2, ($3::text[])[1 + (s.o - 1) % cardinality($3::text[])],
       ($3::text[])[1 + (s.o - 1) % cardinality($3::text[])], current_date, '[]', now(), now()
  from unnest($1::text[]) with ordinality s (brin, o)
"""
"""One mandate per school, of the suppliers in turn."""

EVENTS: Final = """
with new as (
  insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
  select s.brin, s.counter + n, at, overlay(overlay(replace(gen_random_uuid()::text, '-', '')
           placing lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') from 1) placing '7' from 13)::uuid,
         m.id, s.counter + n, case s.counter + n when 1 then 'granted' else 'amended' end::event_type,
         jsonb_build_array(jsonb_build_object(
           'branch', '', 'type', case s.counter + n when 1 then 'granted' else 'amended' end, 'routing', null,
           'covers', array[s.brin || '00'])),
         '{"mandateId":"' || m.id || '","brin":"' || s.brin || '","pad":"' || repeat('x', 250) || '","branches":['
           || '{"branch":"' || s.brin || '00","routingId":null}],"copiedFrom":null,"restTold":true}'
    from schools s
   cross join lateral (select m.id from mandates m where m.brin = s.brin order by m.created_at limit 1) m
   cross join generate_series(1, $2::integer) n
   cross join (select date_trunc('milliseconds', clock_timestamp()) as at) t
   where s.brin = any($1::text[]) order by s.brin, n
  returning brin, number
), outbox as (insert into event_outbox (brin, number) select brin, number from new order by brin, number)
update schools s set counter = s.counter + $2::integer where s.brin = any($1::text[])
"""
"""Events of schools, told to the rest, as long as real ones."""

PORTION: Final = 500
"""How many events are recorded at once where a rate is measured: as many as the prototype of the design gets."""

EMPTY_STAGE: Final = """
drop table if exists staged;
create temporary table staged (
  portion integer, brin text, number bigint, id uuid, mandate_id uuid, type event_type, units jsonb, body text)
"""

STAGE: Final = """
with named as (
  select s.brin, s.counter, o.nth, m.id as mandate_id
    from unnest($1::text[]) with ordinality o (brin, nth) join schools s on s.brin = o.brin
   cross join lateral (select m.id from mandates m where m.brin = s.brin order by m.created_at limit 1) m
)
insert into staged
select ((n - 1) * cardinality($1::text[]) + nth - 1) / $3::integer, brin, counter + n,
       overlay(overlay(replace(gen_random_uuid()::text, '-', '')
         placing lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') from 1)
         placing '7' from 13)::uuid,
       mandate_id, kind::event_type,
       jsonb_build_array(jsonb_build_object(
         'branch', '', 'type', kind, 'routing', null, 'covers', array[brin || '00'])),
       '{"mandateId":"' || mandate_id || '","brin":"' || brin || '","pad":"' || repeat('x', 250) || '","branches":['
         || '{"branch":"' || brin || '00","routingId":null}],"copiedFrom":null,"restTold":true}'
  from named cross join generate_series(1, $2::integer) n
 cross join lateral (select case counter + n when 1 then 'granted' else 'amended' end as kind) k
"""
"""Make events of schools, those of all schools in turn, and put them aside in portions of $3."""

INDEX_STAGE: Final = "create index on staged (portion); analyze staged"

RECORD_PORTION: Final = """
with new as (
  insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
  select brin, number, date_trunc('milliseconds', clock_timestamp()), id, mandate_id, number, type, units, body
    from staged where portion = $1 order by brin, number
), outbox as (
  insert into event_outbox (brin, number) select brin, number from staged where portion = $1 order by brin, number
)
update schools s set counter = u.number
  from (select brin, max(number) as number from staged where portion = $1 group by brin) u where s.brin = u.brin
"""
"""Record what was put aside: what the work of a loader costs is left out of what is measured."""
