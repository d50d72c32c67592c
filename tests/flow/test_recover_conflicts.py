"""Changes recorded between a restore and the recovery: renumbered where safe, else refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hub import plan
from hub.errors import CannotRecover
from hub.observe.books import check_ledger
from schemas.identifiers import Brin
from tests.support.receivers.receiver_model import ReceiverModel, expected_state
from tests.support.register.small_register import BRIN, RIO, VVA, request
from tests.support.servers.hubs import HubUnderTest, backup, create_hub, grant_now, read_register, set_end_date

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

BRON_PO = "BRON_PO"


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[HubUnderTest]:
    """A hub with a few schools and mandates, all published."""
    hub = await create_hub(database, kafka, topics)
    await hub.c.execute("update systems set service_codes = '{VVA,RIO,BRON_PO}'")
    await hub.publish()
    yield hub
    await hub.c.close()


async def test_a_change_of_another_service_is_numbered_after_the_log(hub: HubUnderTest) -> None:
    """A local change of another service is renumbered after the log and published once."""
    async with backup(hub) as restore:
        await set_end_date(hub.c, BRIN, RIO)
        await set_end_date(hub.c, BRIN, RIO, days=98)
        await hub.publish()
        before = await read_register(hub.c)
        restored = await restore()
        await set_end_date(restored.c, BRIN, VVA)
        mine = await restored.c.fetchval("select id from events where brin = $1 order by number desc limit 1", BRIN)
        done = await restored.recover()
        assert (done.events, done.renumbered) == (2, 1)
        rows = await restored.c.fetch("select * from events where brin = $1 order by number", BRIN)
        assert [tuple(row) for row in rows[:-1]] == [row for row in before["events"] if row[0] == BRIN]
        assert (rows[-1]["id"], rows[-1]["number"]) == (mine, len(rows))
        await restored.deliver()
        duo = await restored.heard(ReceiverModel())
        assert duo.held() == await expected_state(restored.c, RIO, calendar=False)
        assert (await check_ledger(restored.c, datetime.now(UTC))).violations == []


@pytest.mark.parametrize("case", ["same service", "planned", "published"])
async def test_what_cannot_be_brought_together_is_refused_whole(hub: HubUnderTest, case: str) -> None:
    """Conflicting changes refuse the recovery, and every one is named."""
    async with backup(hub) as restore:
        await set_end_date(hub.c, BRIN, RIO)
        await set_end_date(hub.c, "00AA", VVA)
        await hub.publish()
        restored = await restore()
        await set_end_date(restored.c, BRIN, RIO if case == "same service" else VVA, days=50)
        if case == "planned":
            async with restored.c.transaction():
                await plan.plan(restored.c, {BRIN: None}, datetime.now(UTC), 0)
        if case == "published":
            await restored.c.execute("delete from event_outbox")
        before = await read_register(restored.c)
        words = {"same service": "do it again", "planned": "was planned already", "published": "published too"}
        with pytest.raises(CannotRecover, match=words[case]) as refused:
            await restored.recover()
        assert BRIN in str(refused.value)
        assert "00AA" not in str(refused.value)
        assert await read_register(restored.c) == before


async def test_a_gap_on_the_log_is_named_and_nothing_changes(hub: HubUnderTest) -> None:
    """A gap in the log refuses the recovery and is named."""
    async with backup(hub) as restore:
        await grant_now(hub.c, replace(request(), brin=Brin("00AA"), service_code=RIO))
        await hub.c.execute("delete from event_outbox")
        await set_end_date(hub.c, "00AA", VVA)
        await hub.publish()
        restored = await restore()
        before = await read_register(restored.c)
        with pytest.raises(CannotRecover, match="neither on the log nor in the database") as refused:
            await restored.recover()
        assert "event 3 of school 00AA" in str(refused.value)
        assert await read_register(restored.c) == before
