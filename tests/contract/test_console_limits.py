"""Nobody looks so often that others wait: a page says when to come back, per person, or per address at the login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.console.files import static_path
from tests.support.api.client import client_of
from tests.support.api.school_calls import fill_register
from tests.support.pages.form_client import FormClient, log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

HOLD: dict[str, object] = {"button": "hold", "brin": "", "reason": "onderhoud"}


@pytest.fixture
async def slow(tmp_path: Path, pool: Pool) -> Client:
    """Give a hub that lets a person look three times, an address four, and then every thousand seconds or so."""
    async with pool.acquire() as c:
        await fill_register(c)
    return client_of(
        tmp_path, pool, LIMITS__REQUESTS_PER_SECOND="0.001", LIMITS__BURST="3", LIMITS__UNKNOWN_PER_SECOND="0.001",
        LIMITS__UNKNOWN_BURST="4",
    )  # fmt: skip


async def test_who_looks_too_often_reads_when_to_come_back(slow: Client, pool: Pool) -> None:
    """On a page, with Retry-After; nothing is done, nobody else is concerned, and its style is there."""
    one, other = await log_in_as(slow, Role.OPERATIONS), await log_in_as(slow, Role.SCHOOL, brins=("18DS",))
    assert [(await one.get("/console/acts")).status for _ in range(3)] == [200] * 3
    pressed = await one.post("/console/destinations/duo:rio", HOLD)
    assert (pressed.status, pressed.headers["content-type"]) == (429, "text/html; charset=utf-8")
    seconds = int(pressed.headers["retry-after"])
    assert 1 <= seconds <= 1000
    assert f"Probeer het over {seconds} s opnieuw." in pressed.body.decode()
    assert await pool.fetchval("select count(*) from destinations where held") == 0
    assert {(await one.get(static_path("console.css"))).status for _ in range(9)} == {200}
    assert (await other.get("/mandaten/18DS")).status == 200


async def test_who_tries_tokens_is_counted_by_address(slow: Client) -> None:
    """Also with the cookie of a token that is believed; whoever is in already may look on."""
    inside = await log_in_as(slow, Role.OPERATIONS)
    stranger = FormClient(slow)
    assert [(await stranger.log_in("nonsense")).status for _ in range(2)] == [401, 401]
    for refused in (await stranger.log_in("nonsense"), await inside.log_in("nonsense"), await stranger.get("/console")):
        assert (refused.status, refused.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert (await inside.get("/console/acts")).status == 200
