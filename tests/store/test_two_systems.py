"""Two systems of one supplier in the ledger: lanes, copies, results and subscriptions are each system's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from hub import register, settle, subscribe
from hub.domain.kinds import Kind
from hub.domain.state_from_log import LoggedChange
from hub.domain.system import System
from hub.observe.books import check_ledger
from hub.recovery.log_entries import LogEntry, LoggedEvent
from hub.recovery.rebuild import Obstacles
from hub.recovery.register import add_missing
from hub.settle import IncomingReport
from hub.store.register import systems as read_systems
from hub.store.register import write_systems
from schemas.identifiers import RoutingId, ServiceCode, SystemCode
from schemas.kinds import MandateState, ReportStatus
from tests.support.lanes.forwarding import deliver_all
from tests.support.register.subscriptions import (
    BRINS,
    KEYS,
    LAS,
    NOW,
    TODAY,
    assert_books_right,
    at,
    lane,
    make_register,
    plan_all,
    removed,
    subscription_request,
)

if TYPE_CHECKING:
    from hub.domain.mandate import Mandate
    from hub.domain.subscription import Subscription
    from hub.store.pool import Connection
    from schemas.identifiers import Branch

FIRST, SECOND = SystemCode(LAS), SystemCode("las-two")
BRIN: Final = BRINS[1]
GRANTED: Final = (1, "", "granted")


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register where supplier `LAS` has two systems."""
    await make_register(connection)
    offered = frozenset({ServiceCode("VVA"), ServiceCode("RIO")})
    await write_systems(connection, [System(supplier_oin=LAS, code=SECOND, name="Twee", service_codes=offered)])
    return connection


async def grant(
    c: Connection, system: SystemCode, service: str, branches: tuple[tuple[Branch, RoutingId | None], ...] = ()
) -> Mandate:
    """Grant 18DS a mandate for a system."""
    wanted = register.GrantRequest(
        brin=BRIN, service_code=ServiceCode(service), supplier_oin=None, system_code=system, start_date=TODAY,
        branches=branches,
    )  # fmt: skip
    async with c.transaction():
        return (await register.grant(c, wanted, at())).mandate


async def subscribed(c: Connection, system: SystemCode, **differs: Any) -> Subscription:
    """Subscribe a system of the supplier."""
    options = subscription_request(**differs)
    async with c.transaction():
        wanted = subscribe.AgreedRequest(options=options, allowed_rate=None, system_code=system)
        return (await subscribe.subscribe(c, LAS, wanted, KEYS, NOW))[0]


async def test_two_systems_of_a_supplier_claim_the_rest_together(c: Connection) -> None:
    """The second one hears nothing of the rest until branches are divided; the first goes on hearing of it."""
    first = await grant(c, FIRST, "VVA")
    second = await grant(c, SECOND, "VVA")
    assert (first.system_code, second.system_code, {first.supplier_oin, second.supplier_oin}) == (FIRST, SECOND, {LAS})
    async with c.transaction():
        await register.assign_routing(c, second.id, second.units[0].covers[0], None, at())
    await plan_all(c)
    assert await lane(c, f"las:{FIRST}") == [(*GRANTED, "waiting"), (2, "", "amended", "waiting")]
    assert await lane(c, f"las:{SECOND}") == [(1, "18DS00", "granted", "waiting")]
    ledger = await check_ledger(c, NOW)
    assert ledger.violations == []


async def test_copies_and_results_go_to_the_mandates_own_system(c: Connection) -> None:
    """Each subscribes by itself; a report on the first one's delivery is told to the first one only."""
    for system in (FIRST, SECOND):
        await subscribed(c, system, services=("VVA", "RIO"), processing_results=True)
    await grant(c, FIRST, "RIO")
    await plan_all(c)
    await deliver_all(c)
    queued = await c.fetchval(
        "select d.id from deliveries d join destinations p on p.id = d.destination where p.name = 'duo:rio'"
    )
    async with c.transaction():
        report = IncomingReport(delivery_id=queued, status=ReportStatus.PROCESSED, reported_at=NOW)
        (answer,) = await settle.apply_reports(c, [report], NOW, 0)
    assert isinstance(answer, list)
    assert [result.notifies_system for result in answer] == [True]
    told = await lane(c, f"las-copy:{FIRST}")
    assert [(kind, status) for _, _, kind, status in told] == [("granted", "delivered"), ("result", "waiting")]
    assert await lane(c, f"las-copy:{SECOND}") == []
    await assert_books_right(c)


async def test_a_first_subscription_replaces_the_backlog_of_its_own_system(c: Connection) -> None:
    """What waits for the other system of the supplier stays; a deletion cancels the copies of its own system only."""
    await grant(c, FIRST, "VVA")
    other = await grant(c, SECOND, "VVA", (("18DS01", RoutingId("0000000700018DS00001")),))  # type: ignore[arg-type]
    await plan_all(c)
    made = await subscribed(c, SECOND, services=("VVA", "RIO"))
    assert (made.supplier_oin, made.system_code, made.destination) == (LAS, SECOND, f"las:{SECOND}")
    before = await lane(c, f"las:{FIRST}")
    assert [status for *_, status in before] == ["waiting"] * len(before)
    assert await lane(c, f"las:{SECOND}") == [
        (1, "18DS01", "granted", "cancelled"), (2, "18DS01", "granted", "waiting"),
    ]  # fmt: skip
    await subscribed(c, FIRST, services=("VVA", "RIO"))
    await grant(c, FIRST, "RIO")
    await plan_all(c)
    await removed(c, made.id)
    assert [status for *_, status in await lane(c, f"las-copy:{FIRST}")] == ["waiting"]
    assert other.system_code == SECOND
    await assert_books_right(c)


async def test_the_log_brings_back_systems_by_their_codes(c: Connection) -> None:
    """A restored database gets the systems that events name; a service that it lacks is an obstacle."""
    events = [_logged(SystemCode("las-three"), "VVA"), _logged(SystemCode("las-three"), "RIO"), _logged(SECOND, "RIO")]
    obstacles = Obstacles()
    async with c.transaction():
        added = await add_missing(c, events, obstacles)
    assert (added.systems, obstacles.found) == (("las-three",), [])
    found = (await read_systems(c))[SystemCode("las-three")]
    assert (found.supplier_oin, found.name, found.service_codes) == (LAS, "Drie", frozenset({"VVA", "RIO"}))
    assert await c.fetchval("select count(*) from destinations where system_code = 'las-three'") == 2
    async with c.transaction():
        await add_missing(c, [_logged(SECOND, "ROD_VO")], obstacles)
    assert ["osr-hub services add" in words for words in obstacles.found] == [True]


def _logged(system: SystemCode, service: str) -> LoggedEvent:
    change = LoggedChange(
        id=uuid4(), kind=Kind.GRANTED, recorded_at=NOW, mandate_id=uuid4(), mandate_version=1,
        state=MandateState.ACTIVE, brin=BRIN, service_code=ServiceCode(service), supplier_oin=LAS, system_code=system,
        start_date=TODAY, end_date=None, branches=(), copied_from=None, rest_told=True,
    )  # fmt: skip
    entry = LogEntry(
        id=change.id, brin=BRIN, number=1, previous=0, position=1, partition=0, offset=0, published_at=NOW, value=b""
    )
    return LoggedEvent(entry=entry, change=change, bge_code="41561", system_name="Drie", body="{}", traceparent=None)
