"""Random histories of a school on a real database: the event log adds up to the register."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub import register
from hub.domain.coverage import compute
from hub.store.register import living_mandates, read_schools
from schemas.messages import MandateChange
from tests.support.register.histories import BRIN, History, open_school

if TYPE_CHECKING:
    from hub.store.pool import Connection

STEPS = 120


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """A register of one school with four branches and three systems."""
    await open_school(connection)
    return connection


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_log_adds_up_to_the_register(c: Connection, seed: int) -> None:
    """Numbers and versions have no gaps, and replaying the events gives the register."""
    history = History(c, seed)
    for _ in range(STEPS):
        await history.step()
    await register.arrive(c, [BRIN], history.at)
    events = await c.fetch("select *, type::text as kind, units::text as told from events order by number")
    assert len(events) > STEPS / 4
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert await c.fetchval("select counter from schools") == len(events)
    assert [row["number"] for row in await c.fetch("select number from event_outbox order by id")] == list(
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
    branches = (await read_schools(c, [BRIN]))[BRIN].open_branches(history.at.today)
    coverage = compute(living, branches, history.at.today)
    assert {m.id: tuple(replace(unit, told=False) for unit in m.units) for m in living} == {
        mandate_id: cover.units for mandate_id, cover in coverage.items()
    }


def held_by(events: list[Any]) -> set[tuple[Any, str]]:
    """Replay the log for receivers, asserting that each unit starts with `granted`; return the units that they hold."""
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
