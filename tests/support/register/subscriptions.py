"""A register with schools and systems, and the steps of a subscription's life, for tests on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from hub import plan, register, subscribe
from hub.domain.subscription import SubscriptionOptions
from hub.domain.system import System
from hub.register import Moment
from hub.store import subscriptions
from hub.store.register import write_systems
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.subscription import Subscription
    from hub.store.keys import Keys
    from hub.store.pool import Connection

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
LAS, OTHER = Oin("00000099000000001000"), Oin("00000099000000002000")
BRINS = (Brin("00AA"), Brin("18DS"))
KEYS = (SecretStr(new_key()),)
URL = "https://las.example/hook"


async def make_register(c: Connection) -> None:
    """Make two schools, one with three branches, and two systems that offer VVA and RIO."""
    await add_schools(
        c,
        BuiltSchool(brin="18DS", name="De Boog", branches={"00": "a", "01": "b", "02": "c"}),
        BuiltSchool(brin="00AA", name="Een"),
    )
    offered = frozenset({ServiceCode("VVA"), ServiceCode("RIO")})
    await write_systems(c, [System(supplier_oin=oin, name=oin[-4:], service_codes=offered) for oin in (LAS, OTHER)])


async def grant(
    c: Connection,
    brin: Brin = BRINS[1],
    service: str = "VVA",
    routed: Sequence[str] = (),
    supplier: Oin = LAS,
    first: int = 1,
) -> Mandate:
    """Grant a mandate; `routed` branches get routing characteristics, numbered from `first`."""
    branches = tuple(
        (Branch(branch), RoutingId(f"00000007000{brin}{index:05d}")) for index, branch in enumerate(routed, start=first)
    )
    wanted = register.GrantRequest(
        brin=brin,
        service_code=ServiceCode(service),
        supplier_oin=supplier,
        start_date=TODAY,
        end_date=None,
        branches=branches,
    )
    async with c.transaction():
        return (await register.grant(c, wanted, at())).mandate


async def destination_id(c: Connection, name: str) -> int:
    """Find a destination's number."""
    found: int = await c.fetchval("select id from destinations where name = $1", name)
    return found


def at() -> Moment:
    """Give the moment of all changes of a test."""
    return Moment(now=NOW, today=TODAY)


async def plan_all(c: Connection) -> None:
    """Plan what is new of all schools."""
    async with c.transaction():
        await plan.plan(c, dict.fromkeys(BRINS), NOW, 0)


def subscription_request(**differs: Any) -> SubscriptionOptions:
    """Make a wish."""
    return SubscriptionOptions(**({"url": URL, "services": ("VVA",)} | differs))


async def subscribed(c: Connection, oin: Oin = LAS, keys: Keys = KEYS, **differs: Any) -> tuple[Subscription, bytes]:
    """Subscribe a supplier, in a transaction of its own."""
    async with c.transaction():
        wanted = subscribe.AgreedRequest(options=subscription_request(**differs), allowed_rate=None)
        return await subscribe.subscribe(c, oin, wanted, keys, NOW)


async def removed(c: Connection, subscription: UUID) -> None:
    """Delete a subscription, in a transaction of its own."""
    async with c.transaction():
        found = await subscriptions.lock(c, subscription)
        assert found is not None
        await subscribe.remove(c, found, NOW)


async def lane(c: Connection, destination: str, brin: Brin = BRINS[1]) -> list[tuple[int, str, str, str]]:
    """Show a lane's deliveries: sequence, branch, type, status."""
    rows = await c.fetch(
        """select d.sequence, d.branch, d.type::text as type, d.status::text as status
             from deliveries d join destinations x on x.id = d.destination
            where x.name = $1 and d.brin = $2 order by d.sequence""",
        destination,
        brin,
    )
    return [(r["sequence"], r["branch"], r["type"], r["status"]) for r in rows]


async def assert_books_right(c: Connection) -> None:
    """Compare the tallies with the rows they count, and every lane with its deliveries."""
    counted = await c.fetch(
        """select destination, status::text as status, expects_report, sum(n)::bigint as n from tallies
            group by 1, 2, 3 having sum(n) <> 0 order by 1, 2, 3"""
    )
    there = await c.fetch(
        """select destination, status::text as status, expects_report, count(*) as n from deliveries
            group by 1, 2, 3 order by 1, 2, 3"""
    )
    assert [tuple(row) for row in counted] == [tuple(row) for row in there]
    broken = await c.fetch(
        """select x.destination, x.brin from lanes x
            where x.tail <> (select count(*) from deliveries d where d.destination = x.destination and d.brin = x.brin)
               or exists (select 1 from deliveries d where d.destination = x.destination and d.brin = x.brin
                             and d.sequence <= x.head and d.status in ('waiting', 'retrying'))
               or (x.head < x.tail and x.due is null and x.owner is null and not x.held)"""
    )
    assert broken == []
