"""Any history of a school, on a real database: what the log says adds up to what the register holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub import register
from hub.domain.coverage import compute
from hub.errors import Conflict, InvalidInput
from hub.imports import import_mandates, import_schools, import_systems
from hub.register import Patch, Wish, moment
from hub.store.register import living_mandates
from schemas.identifiers import Branch, Brin, Oin, ServiceCode
from schemas.messages import MandateChange

if TYPE_CHECKING:
    from uuid import UUID

    from hub.register import Moment
    from hub.store.pool import Connection

BRIN, VVA = Brin("18DS"), ServiceCode("VVA")
BRANCHES = [Branch(f"18DS0{n}") for n in range(4)]
SUPPLIERS = [Oin(f"0000009900000000{n}000") for n in (1, 2, 3)]
STEPS = 120


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register with one school of four branches and three systems."""
    at = moment(datetime(2026, 11, 1, 9, tzinfo=UTC))
    rows = "".join(f"41561;18DS;{branch};x\n" for branch in BRANCHES)
    header = "BEVOEGD GEZAG NUMMER;BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM\n"
    await import_schools(connection, (header + rows).encode(), at)
    systems = "".join(f"{oin};S;VVA\n" for oin in SUPPLIERS)
    await import_systems(connection, f"supplier_oin;system_name;service_codes\n{systems}".encode(), at)
    return connection


class History:
    """Does at random what a school, a calendar and a file may do; what is refused changes nothing."""

    def __init__(self, c: Connection, seed: int) -> None:
        self._c = c
        self._dice = Random(seed)  # noqa: S311 - a repeatable history
        self._now = datetime(2026, 11, 23, 9, tzinfo=UTC)

    @property
    def at(self) -> Moment:
        """The moment it is in this history."""
        return moment(self._now)

    async def step(self) -> None:
        """Do one thing."""
        self._now += timedelta(seconds=1)
        doing = self._dice.choice([self._grant, self._amend, self._withdraw, self._route, self._unroute, self._pass])
        transaction = self._c.transaction()
        await transaction.start()
        try:
            await doing()
        except (Conflict, InvalidInput):
            await transaction.rollback()
        else:
            await transaction.commit()

    async def _grant(self) -> None:
        start = self.at.today + timedelta(days=self._dice.randrange(3))
        end = self._dice.choice([None, start + timedelta(days=self._dice.randrange(4))])
        supplier, branch = self._dice.choice(SUPPLIERS), self._dice.choice(BRANCHES)
        if self._dice.random() < 0.5:
            wish = Wish(brin=BRIN, service_code=VVA, supplier_oin=supplier, start_date=start, end_date=end)
            await register.grant(self._c, wish, self.at)
            return
        rows = f"{BRIN};VVA;{supplier};{start};{end or ''};{branch};\n{BRIN};VVA;{SUPPLIERS[0]};{start};;;\n"
        header = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"
        await import_mandates(self._c, (header + rows).encode(), self.at)

    async def _amend(self) -> None:
        end = self._dice.choice([None, self.at.today + timedelta(days=self._dice.randrange(5))])
        for mandate_id in await self._some():
            await register.amend(self._c, mandate_id, Patch(end_date=end), self.at)

    async def _withdraw(self) -> None:
        for mandate_id in await self._some():
            await register.withdraw(self._c, mandate_id, self.at)

    async def _route(self) -> None:
        for mandate_id in await self._some():
            await register.assign_routing(self._c, mandate_id, self._dice.choice(BRANCHES), None, self.at)

    async def _unroute(self) -> None:
        rows = await self._c.fetch("select r.* from routes r join mandates m on m.id = r.mandate_id"
                                   " order by m.created_at, r.branch")  # fmt: skip
        if rows:
            row = self._dice.choice(rows)
            await register.remove_routing(self._c, row["mandate_id"], row["branch"], self.at)

    async def _pass(self) -> None:
        self._now += timedelta(days=self._dice.randrange(3))
        await register.arrive(self._c, await register.due(self._c, self.at.today, 10), self.at)

    async def _some(self) -> list[UUID]:
        living = await living_mandates(self._c, [BRIN], self.at.today)
        return [self._dice.choice(living).id] if living else []


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_log_adds_up_to_the_register(c: Connection, seed: int) -> None:
    """Numbers and versions have no gaps, every unit begins with `granted`, and what was told is what is held."""
    history = History(c, seed)
    for _ in range(STEPS):
        await history.step()
    await register.arrive(c, [BRIN], history.at)
    events = await c.fetch("select *, type::text as kind, units::text as told from events order by number")
    assert len(events) > STEPS / 4
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert await c.fetchval("select counter from schools") == len(events)
    assert [row["number"] for row in await c.fetch("select number from todo order by n")] == list(
        range(1, len(events) + 1)
    )
    versions: defaultdict[Any, list[int]] = defaultdict(list)
    for event in events:
        MandateChange.model_validate_json(event["body"])
        versions[event["mandate_id"]].append(event["mandate_version"])
    assert all(given == list(range(1, len(given) + 1)) for given in versions.values())
    assert {(row["id"], row["version"]) for row in await c.fetch("select id, version from mandates")} == {
        (mandate_id, len(given)) for mandate_id, given in versions.items()
    }
    assert held_by(events) == {
        (row["id"], unit["branch"])
        for row in await c.fetch("select id, units::text as units from mandates")
        for unit in orjson.loads(row["units"])
        if unit["told"]
    }
    living = await living_mandates(c, [BRIN], history.at.today)
    coverage = compute(living, BRANCHES, history.at.today)
    assert {m.id: tuple(replace(unit, told=False) for unit in m.units) for m in living} == {
        mandate_id: cover.units for mandate_id, cover in coverage.items()
    }


def held_by(events: list[Any]) -> set[tuple[Any, str]]:
    """Play the log to receivers; each unit must begin with `granted`. Returns the units that they hold at the end."""
    held: set[tuple[Any, str]] = set()
    for event in events:
        told = orjson.loads(event["told"])
        mine = {branch for mandate_id, branch in held if mandate_id == event["mandate_id"]}
        assert mine <= {unit["branch"] for unit in told}, "whoever was told of a unit hears every later change"
        for unit in told:
            key = (event["mandate_id"], unit["branch"])
            assert (unit["type"] == "granted") == (key not in held)
            if unit["type"] in ("withdrawn", "expired"):
                held.remove(key)
            else:
                held.add(key)
    return held
