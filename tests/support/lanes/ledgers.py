"""Registers and ledgers of a chosen size, made in the database itself, for tests that need many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.register.schools import BuiltSchool, add_schools, numbered_brin

if TYPE_CHECKING:
    import asyncpg

SUPPLIER = "00000099000000001000"
SERVICE = "RIO"
QUEUE = "duo:rio"

REGISTER = """
insert into systems values ('00000099000000001000', 'LAS', '{RIO,VVA}');
insert into destinations (name, kind, supplier_oin) values
  ('las:00000099000000001000', 'las', '00000099000000001000'),
  ('las-copy:00000099000000001000', 'las-copy', '00000099000000001000');
insert into mandates (id, brin, service_code, supplier_oin, start_date, units, created_at, updated_at)
  select gen_random_uuid(), brin, '$SERVICE', '00000099000000001000', '2026-08-01', '[]', now(), now() from schools;
"""

EVENTS = """
with new as (
  insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
  select s.brin, s.counter + n, at, overlay(overlay(replace(gen_random_uuid()::text, '-', '')
           placing lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') from 1) placing '7' from 13)::uuid,
         m.id, s.counter + n, case s.counter + n when 1 then 'granted' else 'amended' end::event_type,
         jsonb_build_array(jsonb_build_object(
           'branch', '', 'type', case s.counter + n when 1 then 'granted' else 'amended' end, 'routing', null,
           'covers', array[s.brin || '00'])),
         '{"mandateId": "' || m.id || '", "pad": "' || repeat('x', $BODY) || '"}'
    from schools s join mandates m on m.brin = s.brin cross join generate_series(1, $EACH) n
   cross join (select date_trunc('milliseconds', clock_timestamp()) as at) t
   order by s.brin, n
  returning brin, number
), errands as (insert into event_outbox (brin, number) select brin, number from new order by brin, number)
update schools s set counter = s.counter + $EACH;
"""

HISTORY = """
insert into planning_progress select brin, counter from schools;
insert into lanes (destination, brin, head, tail, sent, closed)
  select d.id, s.brin, s.counter, s.counter, s.counter, s.counter
    from schools s join destinations d on d.name = '$QUEUE';
insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at, status,
                        attempts, delivered_at, reported_at, processed_at)
  select d.id, e.brin, e.number, e.number,
         overlay(gen_random_uuid()::text placing left(e.id::text, 13) from 1)::uuid, e.type, true,
         e.recorded_at, 'processed',
         1, e.recorded_at, e.recorded_at, e.recorded_at
    from events e join destinations d on d.name = '$QUEUE';
delete from event_outbox;
insert into published_events (position, brin, number, published_at)
  select row_number() over (order by brin, number), brin, number, recorded_at from events;
"""


async def make_register(c: asyncpg.Connection[Any], schools: int, service: str = SERVICE) -> None:
    """Make schools with one mandate each."""
    await add_schools(c, *(BuiltSchool(brin=numbered_brin(n), branches={}) for n in range(schools)))
    await c.execute(REGISTER.replace("$SERVICE", service))


async def record_events(c: asyncpg.Connection[Any], each: int, body: int = 310) -> None:
    """Record events for every school, told to the rest; `body` characters of padding make them as long as real ones."""
    await c.execute(EVENTS.replace("$EACH", str(each)).replace("$BODY", str(body)))


async def settle_everything(c: asyncpg.Connection[Any], queue: str = QUEUE) -> None:
    """Pretend that all events were published, planned, delivered and processed long ago."""
    await c.execute(HISTORY.replace("$QUEUE", queue))
