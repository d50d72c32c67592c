"""Many systems with many schools each, and messages for them, to see what one receiver does to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub import plan
from hub.clock import now
from hub.domain.system import System
from hub.store.register import write_systems
from schemas.identifiers import Oin, ServiceCode
from tests.support.register.schools import BuiltSchool, add_schools, numbered_brin
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from hub.store.pool import Connection

MANDATES = """
insert into mandates (id, brin, service_code, supplier_oin, start_date, units, created_at, updated_at)
select gen_random_uuid(), s.brin, 'VVA', ($1::text[])[1 + (s.nth - 1) / $2::int], '2026-08-01', '[]', now(), now()
  from (select brin, (row_number() over (order by brin))::int as nth from schools) s
"""
EVENTS = """
with new as (
  insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
  select s.brin, s.counter + n, t.at, overlay(overlay(replace(gen_random_uuid()::text, '-', '')
           placing lpad(to_hex((extract(epoch from t.at) * 1000)::bigint), 12, '0') from 1) placing '7' from 13)::uuid,
         m.id, s.counter + n, k.kind::event_type,
         jsonb_build_array(jsonb_build_object(
           'branch', '', 'type', k.kind, 'routing', null, 'covers', array[s.brin || '00'])),
         '{"mandateId": "' || m.id || '"}'
    from schools s join mandates m on m.brin = s.brin cross join generate_series(1, $2::int) n
   cross join lateral (select case s.counter + n when 1 then 'granted' else $3::text end as kind) k
   cross join (select date_trunc('milliseconds', clock_timestamp()) as at) t
   where m.supplier_oin = any($1::text[]) and ($4::text[] is null or s.brin = any($4::text[]))
  returning brin, number)
update schools s set counter = n.number from (select brin, max(number) as number from new group by brin) n
 where n.brin = s.brin
"""


async def make_crowd(c: Connection, systems: int, schools: int) -> list[Oin]:
    """Make systems with so many schools each, which gave them a mandate for VVA; nothing is told yet."""
    oins = [Oin(f"00000099000000{number:06d}") for number in range(1, systems + 1)]
    await add_schools(c, *(BuiltSchool(brin=numbered_brin(n), branches={}) for n in range(systems * schools)))
    offered = frozenset({ServiceCode("VVA")})
    await write_systems(c, [System(supplier_oin=oin, name=oin[-4:], service_codes=offered) for oin in oins])
    await c.execute(MANDATES, oins, schools)
    return oins


async def subscribe_all(c: Connection, oins: Sequence[Oin], urls: Sequence[str], **differs: Any) -> None:
    """Subscribe each system at its address."""
    for oin, url in zip(oins, urls, strict=True):
        await subscribed(c, oin, url=url, **differs)


async def tell(
    c: Connection, oins: Collection[Oin], each: int, kind: str = "amended", brins: Collection[str] | None = None
) -> None:
    """Record so many events for each school of these systems, or for some of them, and plan them."""
    await c.execute(EVENTS, list(oins), each, kind, None if brins is None else list(brins))
    brins = [row["brin"] for row in await c.fetch("select brin from schools order by brin")]
    while brins:
        async with c.transaction():
            brins = sorted((await plan.plan(c, dict.fromkeys(brins), now(), 0)).unfinished)
    await c.execute("notify osr_lanes")


async def schools_of(c: Connection, oin: Oin) -> list[str]:
    """List the schools of a system, in order."""
    return [r["brin"] for r in await c.fetch("select brin from mandates where supplier_oin = $1 order by brin", oin)]


async def counts(c: Connection, oin: Oin) -> dict[str, int]:
    """Count the deliveries of a system by status."""
    rows = await c.fetch(
        """select d.status::text as status, count(*)::int as n
             from deliveries d join destinations x on x.id = d.destination
            where x.supplier_oin = $1 group by d.status""",
        oin,
    )
    return {row["status"]: row["n"] for row in rows}
