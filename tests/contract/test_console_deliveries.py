"""The page of one delivery: what happened, the receiver's own words, the message, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from tests.support.api.granted_hub import open_granted_hub
from tests.support.lanes.ledger_states import fail, report, take
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from hub.store.pool import Pool
    from tests.support.api.client import Client

WORDS = "onderhoud tot 09:30 <b>vandaag</b>"


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school granted RIO, with one branch routed."""
    return await open_granted_hub(pool, tmp_path)


async def first_delivery(pool: Pool) -> UUID:
    """Return the first delivery of the lane."""
    found: UUID = await pool.fetchval("select id from deliveries order by sequence limit 1")
    return found


async def test_a_delivery_that_arrived_shows_every_step(hub: Client, pool: Pool) -> None:
    """From the change to the report: each with its time, the attempt that succeeded among them, and the signals."""
    one = await first_delivery(pool)
    async with pool.acquire() as c:
        await fail(c, "duo:rio")
        await c.execute("update attempts set answer = $1, http_status = 503", WORDS)
        await c.execute("update lanes set due = now()")
        await take(c, "duo:rio")
        await report(c, str(one), "processed_with_signal", "let op <i>dit</i>")
    operator = await log_in_as(hub, Role.OPERATIONS)
    page = await operator.text(f"/console/deliveries/{one}")
    steps = ("Wijziging vastgelegd", "In de rij gezet", "Mislukt, later opnieuw", "Aangenomen door de ontvanger",
             "Gemeld: verwerkt, met een melding")  # fmt: skip
    places = [page.index(step) for step in steps]
    assert places == sorted(places)
    assert "onderhoud tot 09:30 &lt;b&gt;vandaag&lt;/b&gt;" in page
    assert "poging 1, antwoord 503, duurde 7 ms" in page
    assert "poging 2, duurde 7 ms" in page
    assert "let op &lt;i&gt;dit&lt;/i&gt;" in page
    assert "&#34;specversion&#34;: &#34;1.0&#34;" in page
    assert "dit bericht" in page
    assert 'value="cancel"' not in page, "what arrived cannot be cancelled"
    english = await operator.text(f"/console/deliveries/{one}?lang=en")
    assert "Reported: processed, with a signal" in english


async def test_a_delivery_that_waits_is_cancelled_with_a_reason(hub: Client, pool: Pool) -> None:
    """Once: the second time it says why not."""
    one, operator = await first_delivery(pool), await log_in_as(hub, Role.OPERATIONS)
    path = f"/console/deliveries/{one}"
    assert 'value="cancel"' in await operator.text(path)
    assert (await operator.post(path, {"button": "cancel"})).status == 400
    assert (await operator.post(path, {"button": "explode", "reason": "x"})).status == 404
    done = await operator.post(path, {"button": "cancel", "reason": "naar de verkeerde school"})
    assert (done.status, done.headers["location"]) == (303, f"{path}?done=delivery_cancelled")
    page = await operator.text(path)
    assert "geannuleerd" in page
    assert "naar de verkeerde school" in page
    again = await operator.post(path, {"button": "cancel", "reason": "nog eens"})
    assert (again.status, "Hierover is al beslist." in again.body.decode()) == (400, True)


async def test_this_one_is_sent_again_after_a_preview(hub: Client, pool: Pool) -> None:
    """The page leads to the preview of a replay of this delivery alone."""
    one = await first_delivery(pool)
    async with pool.acquire() as c:
        await take(c, "duo:rio")
    operator = await log_in_as(hub, Role.OPERATIONS)
    form: dict[str, object] = {"delivery": str(one)}
    preview = (await operator.ask("/console/acts/preview/replay", form)).body.decode()
    assert "Herhaal 1 bericht" in preview
    done = await operator.post("/console/acts/new/replay", {**form, "reason": "DUO vroeg erom"})
    assert done.status == 303
    assert await pool.fetchval("select chosen -> 'deliveryIds' ->> 0 from bulk_jobs") == str(one)


async def test_the_page_is_for_operations(hub: Client, pool: Pool) -> None:
    """A school is sent to its own pages, a delivery that does not exist is not there."""
    path = f"/console/deliveries/{await first_delivery(pool)}"
    school = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    assert (await school.get(path)).headers["location"] == "/mandaten"
    assert (await school.post(path, {"button": "cancel", "reason": "x"})).headers["location"] == "/mandaten"
    operator = await log_in_as(hub, Role.OPERATIONS)
    assert (await operator.get("/console/deliveries/0190a3c2-0000-7000-8000-000000000000")).status == 404
    assert (await operator.get("/console/deliveries/nothing")).status == 404


async def test_the_words_are_for_operations_and_the_receiver(hub: Client, pool: Pool) -> None:
    """The API shows them to operators; a school reads the attempt without them."""
    one = await first_delivery(pool)
    async with pool.acquire() as c:
        await fail(c, "duo:rio")
        await c.execute("update attempts set answer = $1", WORDS)
    for role, brins, seen in ((Role.OPERATIONS, [], WORDS), (Role.SCHOOL, ["18DS"], None)):
        reply = await hub.as_caller(role, brins=brins).get(f"/v1/deliveries/{one}")
        assert [attempt["answer"] for attempt in reply.json["attempts"]] == [seen]
