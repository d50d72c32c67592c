"""Two processes that serve one database, behind a load balancer without stickiness: each goes on for the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hub.access import Role
from tests.support.api.client import client_of
from tests.support.api.school_calls import fill_register, mandate_request
from tests.support.pages.form_client import FormClient, log_in_as
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

SCHOOL = "18DS"
PATIENCE = 60
PATH = f"/mandaten/{SCHOOL}/events/live"


@pytest.fixture
async def both(database: str, pool: Pool, tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    """Two applications with the same settings, each with connections of its own."""
    async with pool.acquire() as c:
        await fill_register(c)
    key = new_key()
    async with asyncpg.create_pool(database, min_size=1, max_size=5) as other:
        yield client_of(tmp_path, pool, SECRETS__KEYS=key), client_of(tmp_path, other, SECRETS__KEYS=key)


def moved(visitor: FormClient, to: Client) -> FormClient:
    """Return the same browser, answered by another process from now on."""
    again = FormClient(to)
    again.cookies, again.secret = dict(visitor.cookies), visitor.secret
    return again


async def mandates(pool: Pool) -> list[str]:
    """Return the ids of all mandates."""
    return [str(row["id"]) for row in await pool.fetch("select id from mandates")]


async def test_a_session_goes_on_at_the_other_process_and_ends_for_both(both: tuple[Client, Client]) -> None:
    """Who logged in at one is known at the other; a logout there is one here."""
    first, second = both
    here = await log_in_as(first, Role.SCHOOL, brins=(SCHOOL,))
    there = moved(here, second)
    assert "De Boog" in await there.text(f"/mandaten/{SCHOOL}")
    assert (await there.post("/logout")).status == 303
    assert (await here.get(f"/mandaten/{SCHOOL}")).status == 303


async def test_a_key_is_known_to_both(both: tuple[Client, Client], pool: Pool) -> None:
    """A request that is repeated at the other process gets the same answer, and nothing is done twice."""
    first, second = (each.as_caller(Role.SCHOOL, brins=[SCHOOL]) for each in both)
    sent = {"headers": {"Idempotency-Key": "once"}}
    done = await first.post("/v1/mandates", mandate_request(), **sent)
    again = await second.post("/v1/mandates", mandate_request(), **sent)
    assert (done.status, again.status) == (201, 201)
    assert again.body == done.body
    assert await mandates(pool) == [done.json["id"]]


async def test_one_key_at_both_at_once_is_one_request(both: tuple[Client, Client], pool: Pool) -> None:
    """Of two that come at the same moment one works, and the other waits for its answer or is told to."""
    callers = [each.as_caller(Role.SCHOOL, brins=[SCHOOL]) for each in both]
    sent = {"headers": {"Idempotency-Key": "both"}}
    answers = await asyncio.gather(*(each.post("/v1/mandates", mandate_request(), **sent) for each in callers))
    assert 201 in {answer.status for answer in answers} <= {201, 409}
    assert len(await mandates(pool)) == 1


async def test_an_open_page_hears_what_the_other_process_did(both: tuple[Client, Client]) -> None:
    """A stream at one process tells of a change that was made at the other."""
    first, second = both
    visitor = await log_in_as(second, Role.SCHOOL, brins=(SCHOOL,))
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(_listen(second, visitor, heard))
    try:
        async with asyncio.timeout(PATIENCE):
            before = await _next_mark(heard)
            made = await first.as_caller(Role.SCHOOL, brins=[SCHOOL]).post("/v1/mandates", mandate_request())
            assert made.status == 201
            assert await _next_mark(heard) != before
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _next_mark(heard: asyncio.Queue[str]) -> str:
    while not (text := await heard.get()).startswith("data: "):
        pass
    return text


async def _listen(hub: Client, visitor: FormClient, heard: asyncio.Queue[str]) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    asked.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Any) -> None:
        heard.put_nowait(message.get("body", b"").decode())

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"hub.test"), (b"cookie", cookies.encode())],
        "client": ("127.0.0.1", 1), "server": ("hub.test", 80), "state": {},
    }  # fmt: skip
    await hub.app(scope, asked.get, send)
