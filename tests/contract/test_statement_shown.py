"""The statement of a month over HTTP, as CSV, and on its page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.api import statements
from hub.console import statement as pages
from hub.console.i18n.statement import TEXTS
from hub.observe.statement import Party
from tests.support.pages.form_client import log_in_as
from tests.support.pages.slow_statements import keep_statements

if TYPE_CHECKING:
    from tests.support.api.client import Client


@pytest.fixture
def operator(hub: Client) -> Client:
    """Be operations."""
    return hub.as_caller(Role.OPERATIONS)


async def test_operations_alone_read_the_statement(hub: Client, school: Client, operator: Client) -> None:
    """As JSON and as CSV; what is no month is 400, and who is no operator learns nothing."""
    found = await operator.get("/v1/statements/2026-11")
    assert found.status == 200
    assert {each["party"] for each in found.json["lines"]} >= {"hub", "schools"}
    assert (await hub.get("/v1/statements/2026-11")).status == 401
    assert (await school.get("/v1/statements/2026-11")).status == 403
    wrong = await operator.get("/v1/statements/2026-13")
    assert (wrong.status, wrong.json["errors"][0]["in"]) == (400, "path")
    table = await operator.get("/v1/statements/2026-11?format=csv")
    head, first, *_ = table.body.decode().splitlines()
    assert head.startswith("month;party;destination;owed;done;open;in_time;share;")
    assert first.startswith("2026-11;hub;;")


async def test_the_page_shows_each_party_in_both_languages(hub: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month of choice, this month when none that exists is named, and the words of the page's language."""
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 60.0)
    paper = await log_in_as(hub, Role.OPERATIONS)
    for language, words in (
        ("nl", ("Maandoverzicht oktober 2026", "De hub")),
        ("en", ("Statement of October 2026", "The hub")),
    ):
        page = await paper.text(f"/console/statement?month=2026-10&lang={language}")
        assert [text for text in words if text not in page] == []
    assert (await paper.get("/console/statement?month=nonsense")).status == 200


def test_every_party_has_words() -> None:
    """What it is called and what it owes, in both languages."""
    for party in Party:
        assert all(TEXTS[f"party_{party.value}"])
        assert all(TEXTS[f"owes_{party.value}"])


async def test_a_month_that_takes_long_is_shown_as_it_is_made(hub: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says how far it is, programs are answered 202, and both get the statement once it is made."""
    made = keep_statements(monkeypatch)
    monkeypatch.setattr(pages, "LIVE_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(statements, "PATIENCE_SHARE", 0.001)
    paper, operator = await log_in_as(hub, Role.OPERATIONS), hub.as_caller(Role.OPERATIONS)
    page = await paper.text("/console/statement?month=2026-10&lang=nl")
    assert '<progress max="31" value="12"' in page
    assert 'data-from="/console/statement/live?month=2026-10"' in page
    assert '<progress max="31"' in await paper.text("/console/statement/live?month=2026-10")
    answer = await operator.get("/v1/statements/2026-10")
    assert (answer.status, answer.json) == (202, {"month": "2026-10", "done": 12, "of": 31})
    assert answer.headers["retry-after"] == "2"
    made.set()
    monkeypatch.setattr(statements, "PATIENCE_SHARE", 3.0)
    assert (await operator.get("/v1/statements/2026-10")).json["month"] == "2026-10"
    assert "<progress" not in await paper.text("/console/statement/live?month=2026-10")


async def test_the_page_comes_first_and_its_part_waits_for_the_sums(
    hub: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is not kept for its sums; the part that scripts ask for is answered when they are made."""
    made = keep_statements(monkeypatch)
    monkeypatch.setattr(pages, "LIVE_PATIENCE_SECONDS", 60.0)
    paper = await log_in_as(hub, Role.OPERATIONS)
    assert "data-unfinished" in await paper.text("/console/statement?month=2026-10")
    part = asyncio.create_task(paper.text("/console/statement/live?month=2026-10"))
    assert "data-unfinished" in await paper.text("/console/statement?month=2026-10")
    assert not part.done()
    made.set()
    assert "data-unfinished" not in await part
