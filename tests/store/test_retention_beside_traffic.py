"""Retention beside live traffic: between two of its steps the database is there for others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.clock import now
from hub.domain.retention import RetentionPeriods, cutoffs
from hub.operations.retention import RetentionRun, apply
from hub.store.people import SystemActor

if TYPE_CHECKING:
    from hub.store.pool import Connection

TERMS = RetentionPeriods(register_years=7, deliveries_months=18, attempts_days=90, parked_days=30)


@pytest.mark.parametrize("dry", [False, True])
async def test_live_traffic_has_the_database_between_two_steps(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, *, dry: bool
) -> None:
    """Behind each step it rests for a multiple of what the step took, outside its transaction; a dry run does not."""
    later = now() + timedelta(days=700)
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        assert not connection.is_in_transaction()
        rests.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)
    run = RetentionRun(c=connection, cutoffs=cutoffs(later, TERMS), dry=dry, tell=lambda _kind, _n: None, rest=4.0)
    await apply(run, later, SystemActor.COMMAND_LINE)
    assert all(seconds > 0 for seconds in rests)
    assert bool(rests) is not dry
