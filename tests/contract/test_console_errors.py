"""Errors that a person can meet are pages, in both languages; programs get problems as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.client import client_of
from tests.support.api.school_calls import open_hub
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client, Reply

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with a small register."""
    return await open_hub(pool, tmp_path)


def is_page(reply: Reply) -> bool:
    """Return whether an answer is a page of the hub."""
    body = reply.body.decode()
    return reply.headers["content-type"].startswith("text/html") and "<h1>" in body and "console.css" in body


@pytest.mark.parametrize(
    "path", ["/nergens", "/mandaten/18DS/nergens", "/mandaten/18DS/verdelen/RIO/x/y", "/console/x"]
)
async def test_an_unknown_address_is_a_page(hub: Client, path: str) -> None:
    """Under the pages and beside them, with its status."""
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    cookie = "; ".join(f"{name}={value}" for name, value in paper.cookies.items())
    reply = await hub.call("GET", path, headers={**BROWSER, "cookie": cookie})
    assert (reply.status, is_page(reply)) == (404, True)
    assert "Deze pagina is er niet, of u mag hem niet zien." in reply.body.decode()
    assert ("0800 - 321 22 33" in reply.body.decode()) is path.startswith("/mandaten")
    english = await hub.call("GET", f"{path}?lang=en", headers={**BROWSER, "cookie": cookie})
    assert "This page does not exist" in english.body.decode()


async def test_programs_get_problems(hub: Client) -> None:
    """An address of the API is answered for programs, and so is whoever does not look at pages."""
    for path, headers in (("/v1/nergens", BROWSER), ("/nergens", {"accept": "application/json"}), ("/nergens", {})):
        reply = await hub.call("GET", path, headers=headers)
        assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")


async def test_too_often_and_too_much_are_pages(pool: Pool, tmp_path: Path) -> None:
    """A visitor who asks too often, and a form that is too large, get a page that says what to do."""
    hub = client_of(tmp_path, pool, LIMITS__UNKNOWN_PER_SECOND="0.001", LIMITS__UNKNOWN_BURST="2")
    replies = [await hub.call("GET", "/nergens", headers=BROWSER) for _ in range(4)]
    assert [reply.status for reply in replies] == [404, 404, 429, 429]
    assert is_page(replies[-1])
    assert int(replies[-1].headers["retry-after"]) > 0
    assert "Er is te vaak achter elkaar iets gevraagd." in replies[-1].body.decode()
