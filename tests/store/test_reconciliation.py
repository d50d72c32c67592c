"""Reconciliation against a receiver model: following its lists leads any receiver to the right state."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID, uuid4

import orjson
import pytest

from hub import register
from hub.envelopes import envelope_defaults, forwarded_message
from hub.observe.reconcile import Differences, HeldUnit, reconcile
from hub.register import DateChange
from hub.store import deliveries
from schemas.identifiers import Brin, Oin, ServiceCode
from tests.support.lanes.forwarding import deliver_all
from tests.support.lanes.ledger_states import plan_all
from tests.support.register.small_register import (
    B0,
    B1,
    B2,
    B3,
    BRIN,
    ONE,
    OTHER,
    R1,
    R2,
    R3,
    TODAY,
    VVA,
    at,
    fill,
    grant,
    request,
)
from tests.support.register.subscriptions import subscribed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.store.pool import Connection

Unit: TypeAlias = tuple[UUID, str]
ROUNDS = 150
SEED = 20261123
TOMORROW = TODAY + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message as a receiver reads it."""

    id: UUID
    unit: Unit
    version: int
    is_end: bool

    @classmethod
    def read(cls, body: bytes) -> Said:
        """Read what was sent."""
        message = orjson.loads(body)
        kind = message["type"].split(".")[-2]
        return cls(
            id=UUID(message["id"]),
            unit=(UUID(message["data"]["mandateId"]), message.get("branch") or ""),
            version=message["data"]["mandateVersion"],
            is_end=kind in {"withdrawn", "expired"},
        )


def take(messages: Iterable[Said], holds: Mapping[Unit, int] | None = None) -> dict[Unit, int]:
    """Apply messages as a receiver does: the highest version counts, and an end drops the unit."""
    held = dict(holds or {})
    for message in messages:
        if message.version <= held.get(message.unit, 0):
            continue
        held[message.unit] = message.version
        if message.is_end:
            del held[message.unit]
    return held


async def messages(c: Connection, place: str) -> tuple[list[Said], list[Said]]:
    """Return what a receiver was sent, in the order of its lanes, and what waits for it."""
    rows = await c.fetch(
        """select d.id, d.status::text in ('waiting', 'retrying') as waits from deliveries d
             join destinations p on p.id = d.destination
            where p.name = $1 and d.status <> 'cancelled' order by d.brin, d.sequence""",
        place,
    )
    waits = {row["id"] for row in rows if row["waits"]}
    head = envelope_defaults(Oin("00000099000000009000"), "https://hub.example")
    read = await deliveries.read_messages(c, [row["id"] for row in rows])
    said = [Said.read(forwarded_message(row, before, head)) for row, before in read]
    return [m for m in said if m.id not in waits], [m for m in said if m.id in waits]


@pytest.fixture
async def lived(connection: Connection) -> Connection:
    """Two systems with units that were routed, moved, ended, expired and ambiguous; some messages wait."""
    c = connection
    await fill(c)
    await subscribed(c, ONE, services=("VVA",))
    await subscribed(c, OTHER, services=("VVA",))
    first = await grant(c, request(branches=((B0, R1), (B1, R2))))
    short = await grant(c, request(brin=Brin("00AA"), end=TODAY))
    over = await grant(c, request(brin=Brin("00AA"), start=TODAY + timedelta(days=9)))
    await _planned_and_taken(c)
    async with c.transaction():
        await register.assign_routing(c, first.id, B2, R3, at())
        await register.remove_routing(c, first.id, B1, at())
        await register.withdraw(c, over.id, at())
        await register.arrive(c, [Brin("00AA")], at(TOMORROW))
    await grant(c, request(OTHER, start=TOMORROW, branches=((B1, None),)), at(TOMORROW))
    await grant(c, request(OTHER, start=TOMORROW, brin=Brin("00AA")), at(TOMORROW))
    await _planned_and_taken(c)
    async with c.transaction():
        await register.amend(c, first.id, DateChange(end_date=date(2028, 7, 31)), at(TOMORROW))
        await register.remove_routing(c, first.id, B2, at(TOMORROW))
        await register.assign_routing(c, first.id, B3, None, at(TOMORROW))
    await plan_all(c)
    assert short.version == 1
    return c


async def _planned_and_taken(c: Connection) -> None:
    await plan_all(c)
    await deliver_all(c)


@pytest.mark.parametrize("oin", [ONE, OTHER])
async def test_whoever_lost_something_is_told_exactly_that(lived: Connection, oin: Oin) -> None:
    """For any receiver, each difference is listed once and following the lists leads to the right state."""
    sent, waiting = await messages(lived, f"las:{oin}")
    dice, found_something = random.Random(SEED), 0  # noqa: S311 - chance, not secrecy
    should_hold = take([*sent, *waiting])
    for _ in range(ROUNDS):
        holds = take(message for message in (*sent, *waiting) if dice.random() < 0.6)
        invented = {(uuid4(), ""): 1} if dice.random() < 0.3 else {}
        found = await _compare(lived, oin, {**holds, **invented})
        named = _named(found, [*sent, *waiting])
        differs = {unit for unit in {*holds, *should_hold} if holds.get(unit) != should_hold.get(unit)}
        assert {message.unit for message in named} == differs
        assert len(named) == len(differs)
        assert {message.unit for message in _named(found, waiting)} == differs & {m.unit for m in waiting}
        assert {(unit.mandate_id, unit.branch) for unit in found.unknown} == set(invented)
        assert take(named, holds) == should_hold
        found_something += bool(found.missing) + bool(found.outdated) + bool(found.pending)
    assert found_something > ROUNDS / 2


async def test_the_lists_say_what_the_receiver_has_to_do(lived: Connection) -> None:
    """`missing`, `outdated` and `pending` mean: not held, older version held, on its way."""
    sent, waiting = await messages(lived, f"las:{ONE}")
    holds = take(sent)
    found = await _compare(lived, ONE, holds)
    assert (found.missing, found.outdated, found.unknown) == ([], [], [])
    assert {m.unit for m in _named(found, waiting)} == {m.unit for m in waiting if not m.is_end or m.unit in holds}
    others, _ = await messages(lived, f"las:{OTHER}")
    dropped, *kept = take(others).items()
    lost = await _compare(lived, OTHER, dict(kept))
    assert [m.unit for m in _named(lost, others) if m.id in lost.missing] == [dropped[0]]


async def test_a_branch_that_nobody_may_claim_is_nobodys_loss(lived: Connection) -> None:
    """An ambiguous rest that the second system was never sent is not missing there."""
    sent, waiting = await messages(lived, f"las:{OTHER}")
    mandate = await lived.fetchval("select id from mandates where supplier_oin = $1 and brin = $2", OTHER, BRIN)
    assert (mandate, "") not in {m.unit for m in (*sent, *waiting)}
    assert (await _compare(lived, OTHER, {(mandate, ""): 1})).unknown == [HeldUnit(mandate, "", 1)]


async def test_another_systems_mandate_is_as_unknown_as_an_invented_one(lived: Connection) -> None:
    """Another system's mandate and an invented one get the same answer, `unknown`."""
    sent, _ = await messages(lived, f"las:{ONE}")
    foreign = dict.fromkeys(take(sent), 99)
    own = take((await messages(lived, f"las:{OTHER}"))[0])
    found = await _compare(lived, OTHER, {**own, **foreign})
    assert {(unit.mandate_id, unit.branch) for unit in found.unknown} == set(foreign)
    assert (found.missing, found.outdated) == ([], [])


async def test_each_service_is_compared_by_itself(lived: Connection) -> None:
    """Each service is compared by itself."""
    assert await reconcile(lived, ONE, ServiceCode("RIO"), []) is None
    await lived.execute("update subscriptions set services = '{VVA,RIO}' where supplier_oin = $1", ONE)
    assert await reconcile(lived, ONE, ServiceCode("RIO"), []) == Differences()


async def _compare(c: Connection, oin: Oin, holds: Mapping[Unit, int]) -> Differences:
    units = [HeldUnit(mandate, branch, version) for (mandate, branch), version in holds.items()]
    found = await reconcile(c, oin, VVA, units)
    assert found is not None
    return found


def _named(found: Differences, known: Sequence[Said]) -> list[Said]:
    ids = {*found.missing, *found.outdated, *found.pending}
    return [message for message in known if message.id in ids]
