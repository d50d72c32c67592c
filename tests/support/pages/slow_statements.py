"""Statements that take as long as a test wants. In: nothing. Out: the event that lets them be made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hub.observe import statement_making
from hub.observe.statement import Statement, read_statement

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from hub.domain.objective import Objective
    from hub.observe.statement_making import Tell
    from hub.store.pool import Connection


def keep_statements(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let statements stand at part 12 of 31 until the event that is returned is set."""
    made = asyncio.Event()

    async def read_slowly(c: Connection, month: str, now: datetime, objective: Objective, tell: Tell) -> Statement:
        tell(12, 31)
        await made.wait()
        return await read_statement(c, month, now, objective, tell)

    monkeypatch.setattr(statement_making, "read_statement", read_slowly)
    return made
