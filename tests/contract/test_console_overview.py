"""The overview of operators: what is late, charts, lists to open, one search, a stream that ends with the session."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from hub.clock import now
from hub.console.lag_stream import MOST_PER_CALLER, LiveFeed
from hub.imports import SchoolImportOptions, import_schools
from hub.operations.bulk import run_batch
from hub.store import meters
from hub.store.reports import park_record
from tests.support.api.granted_hub import open_rejected_hub
from tests.support.api.school_calls import R2
from tests.support.lanes.ledger_states import report, report_record, take
from tests.support.pages.form_client import FormClient, log_in_as
from tests.support.register.school_files import po, town
from tests.support.register.small_register import at

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

VISIBLE_SECONDS = 60.0
INSERT_MINUTE = """
insert into hops select 1, date_trunc('minute', now() - make_interval(mins => $1)), $2, 'transport', $3, $4, 7
"""


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school granted RIO, with one branch routed; its messages were taken, one was rejected."""
    return await open_rejected_hub(pool, tmp_path, "onbekend")


async def test_rejections_are_a_list_that_one_can_open(hub: Client, pool: Pool) -> None:
    """The tile counts them, the list names each with a link to its page; filters narrow it."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    assert '<b>1</b> <a href="/console/deliveries?status=rejected">' in await operator.text("/console")
    one = await pool.fetchval("select id from deliveries where status = 'rejected'")
    for query in ("status=rejected", "status=rejected&destination=duo:rio&brin=18ds", "status=nonsense"):
        assert f'href="/console/deliveries/{one}"' in await operator.text(f"/console/deliveries?{query}")
    for query in ("status=dead", "status=rejected&brin=00AA", f"status=rejected&before={one}"):
        assert f'href="/console/deliveries/{one}"' not in await operator.text(f"/console/deliveries?{query}")


async def test_the_charts_keep_what_the_counters_fold(hub: Client, pool: Pool) -> None:
    """What was delivered in the last hours is drawn, also after its minutes were folded; older goes away."""
    histogram = meters.Histogram()
    histogram.add([3.0] * 7)
    async with pool.acquire() as c:
        rio = await c.fetchval("select id from destinations where name = 'duo:rio'")
        for minutes in (2, 62, 64, 30 * 60):
            await c.execute(INSERT_MINUTE, minutes, rio, histogram.buckets, histogram.seconds)
        await meters.fold(c)
        assert await c.fetchval("select count(*) from hop_history where at < now() - interval '25 hours'") == 0
        await meters.fold(c)
    page = await (await log_in_as(hub, Role.OPERATIONS)).text("/console")
    assert "In zes uur 21 berichten afgeleverd" in page
    assert page.count("<svg") == page.count('class="series duo"') == page.count('class="series las"') == 2
    assert "<script>" not in page


async def test_one_search_finds_everything(hub: Client, pool: Pool) -> None:
    """A code leads to its page, a name to a list; what is unknown is said."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    delivery, event = await pool.fetchval("select id from deliveries"), await pool.fetchval("select id from events")
    mandate = await pool.fetchval("select id from mandates")
    for text, where in (
        ("18ds", "/console/schools/18DS"),
        ("18ds01", "/console/schools/18DS#branch-18DS01"),
        (str(delivery), f"/console/deliveries/{delivery}"),
        (str(mandate), f"/mandaten/18DS/{mandate}"),
    ):
        assert (await operator.get(f"/console/search?q={text}")).headers["location"] == where
    assert f'href="/mandaten/18DS/{mandate}"' in await operator.text(f"/console/search?q={R2}")
    assert f'href="/console/deliveries/{delivery}"' in await operator.text(f"/console/search?q={event}")
    trace = "ab" * 16
    await pool.execute("update events set traceparent = $1", f"00-{trace}-{'cd' * 8}-01")
    assert f'href="/console/deliveries/{delivery}"' in await operator.text(f"/console/search?q={trace}")
    assert 'href="/console/destinations/duo:rio"' in await operator.text("/console/search?q=rio")
    assert "De Boog" in await operator.text("/console/search?q=boog")
    assert "Niets gevonden voor zzz." in await operator.text("/console/search?q=zzz")
    school = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    assert (await school.get("/console/search?q=18DS")).headers["location"] == "/mandaten"


async def test_a_school_is_a_table_of_branches_and_services(hub: Client) -> None:
    """Each cell has the system, the status, the routing and the message."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    page = await operator.text("/console/schools/18DS")
    assert '<tr id="branch-18DS01"><th scope="row">' in page
    assert '<th scope="col">RIO</th>' in page
    assert "afgewezen" in page
    assert R2 in page
    assert page.count('href="/console/deliveries/') >= 2
    assert (await operator.get("/console/schools/99ZZ")).status == 404


async def test_records_are_decided_on_in_bulk(hub: Client, pool: Pool) -> None:
    """The chosen ones, with one reason; those that cannot be used yet are named, and when each was written is shown."""
    async with pool.acquire() as c:
        for nth in range(3):
            record = report_record(f"0190a000-0000-7000-8000-00000000000{nth}")
            await park_record(c, record | {"offset": nth, "written_at": now()})
    operator = await log_in_as(hub, Role.OPERATIONS)
    assert "geschreven op" in await operator.text("/console/parked")
    ids = [row["id"] for row in await pool.fetch("select id from parked_records order by id")]
    form: dict[str, Any] = {"button": "discard", "record": ids[:2]}
    assert (await operator.post("/console/parked", form)).status == 400
    assert (await operator.post("/console/parked", {"button": "discard", "reason": "x"})).status == 400
    assert (
        "2 berichten zijn weggegooid." in (await operator.post("/console/parked", form | {"reason": "x"})).body.decode()
    )
    tried = (await operator.post("/console/parked", {"button": "retry", "record": ids, "reason": "x"})).body.decode()
    assert "0 berichten zijn alsnog gebruikt." in tried
    assert f"<li>{ids[0]}: Hierover is al beslist.</li>" in tried
    assert await pool.fetchval("select count(*) from parked_records where state = 'open'") == 1


async def test_the_audit_is_sentences_with_filters(hub: Client) -> None:
    """Who did what where and why; by school, by action and by day."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    await operator.get("/console/destinations/duo:rio")
    await operator.post("/console/destinations/duo:rio", {"button": "hold", "brin": "18DS", "reason": "onderzoek"})
    page = await operator.text("/console/audit")
    assert "Berichten tegengehouden door" in page
    assert ", RIO, <a" in page.replace("\n", "")
    assert "Reden: onderzoek" in page
    for query, is_found in (("brin=18ds", True), ("brin=00AA", False), ("action=destination.held", True),
                            ("action=mandate.copied", False), ("from=01-01-2099", False), ("to=x", True)):  # fmt: skip
        assert ("Reden: onderzoek" in await operator.text(f"/console/audit?{query}")) is is_found, query
    assert "Berichten tegengehouden door" in await operator.text("/console"), "the overview has the newest acts"


async def test_an_import_is_one_line_that_opens_its_schools(hub: Client, pool: Pool) -> None:
    """The lines of its schools are behind a link; by school they are found as before."""
    async with pool.acquire() as c, c.transaction():
        await import_schools(c, po(town(3)), at(), options=SchoolImportOptions(is_part=True))
    operator = await log_in_as(hub, Role.OPERATIONS)
    page = await operator.text("/console/audit")
    assert page.count("Bestand ingelezen door") == 1
    assert "School ingelezen door" not in page
    link = re.search(r'href="(/console/audit\?file=[^"]+)"', page)
    assert link is not None
    schools = await operator.text(unescape(link[1]))
    assert (schools.count("School ingelezen door"), schools.count("Bestand ingelezen door")) == (3, 0)
    assert 'name="file"' in schools
    assert "00ZA00: naam: School 00ZA" in schools
    assert "None" not in schools
    assert "School ingelezen door" in await operator.text("/console/audit?brin=00ZA")


async def test_a_repeat_on_its_way_does_not_take_processed_away(hub: Client, pool: Pool) -> None:
    """The school still reads that it was processed, with a note; when the repeat is answered, its answer counts."""
    whole = await pool.fetchval("select id from deliveries where branch = ''")
    operations = hub.as_caller(Role.OPERATIONS)
    async with pool.acquire() as c:
        await report(c, str(whole), "processed")
    await operations.post("/v1/replays", {"deliveryIds": [str(whole)], "reason": "x"})
    async with pool.acquire() as c, c.transaction():
        assert await run_batch(c, now(), 0) is not None
    school = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    page = await school.text("/mandaten/18DS")
    assert "Een herhaling hiervan is onderweg" in page
    assert "verwerkt" in page
    async with pool.acquire() as c:
        await take(c, "duo:rio")
        repeat = await c.fetchval("select id from deliveries where replay_of is not null")
        assert "Een herhaling hiervan is onderweg" in await school.text("/mandaten/18DS")
        await report(c, str(repeat), "rejected", "nu niet", minutes=1)
    page = await school.text("/mandaten/18DS")
    assert "nu niet" in page
    assert "herhaling hiervan" not in page


async def test_yesterday_is_one_press(hub: Client) -> None:
    """The preset fills in the day, and the preview says period, pace, duration and mix."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    chosen: dict[str, object] = {"destination": "duo:rio", "preset": "yesterday"}
    assert "Er is niets te doen." in (await operator.ask("/console/acts/preview/replay", chosen)).body.decode()
    today = await operator.ask("/console/acts/preview/replay", chosen | {"preset": "today"})
    page = today.body.decode()
    assert "50 per seconde" in page
    assert "RIO: 2" in page
    assert f"{now():%d-%m-%Y}"[3:] in page


async def read_stream(
    hub: Client, client: FormClient, path: str = "/console/events/live"
) -> tuple[asyncio.Queue[bytes], asyncio.Task[None]]:
    """Open the stream of the overview, or of another page, as a browser does."""
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [(b"cookie", cookie.encode()), (b"host", b"hub.test")], "http_version": "1.1",
        "scheme": "http", "client": ("127.0.0.1", 1), "server": ("hub.test", 80), "asgi": {"version": "3.0"},
        "state": {},
    }  # fmt: skip

    given = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not given:
            await asyncio.Event().wait()
        return given.pop()

    async def send(message: Any) -> None:
        await sent.put(str(message["status"]).encode() if "status" in message else message["body"])

    return sent, asyncio.create_task(hub.app(scope, receive, send))  # type: ignore[arg-type]


async def test_the_stream_ends_with_the_session(hub: Client) -> None:
    """A browser hears what is new, and after the logout that it is over."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    await operator.get("/console")
    sent, task = await read_stream(hub, operator)
    async with asyncio.timeout(VISIBLE_SECONDS):
        assert await sent.get() == b"200"
        heard = b""
        while b"event: live" not in heard:
            heard += await sent.get()
        await operator.post("/logout", {"where": "here"})
        while b"event: end" not in heard:
            heard += await sent.get()
        await task


async def test_the_page_of_a_destination_renews_itself(hub: Client) -> None:
    """Its stream says when an operator holds it, in the part of the page without forms; a stranger hears nothing."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    page = await operator.text("/console/destinations/duo:rio")
    assert 'data-stream="/console/destinations/duo:rio/events/live"' in page
    assert "<form" not in await operator.text("/console/destinations/duo:rio/live")
    sent, task = await read_stream(hub, operator, "/console/destinations/duo:rio/events/live")
    heard = b""
    async with asyncio.timeout(VISIBLE_SECONDS):
        while b"event: live" not in heard:
            heard += await sent.get()
        assert b"houdt deze bestemming tegen" not in heard
        await operator.post("/console/destinations/duo:rio", {"button": "hold", "reason": "storing bij DUO"})
        while b"storing bij DUO" not in heard:
            heard += await sent.get()
        await operator.post("/logout", {"where": "here"})
        while b"event: end" not in heard:
            heard += await sent.get()
        await task
    stranger, task = await read_stream(hub, FormClient(hub), "/console/destinations/duo:rio/events/live")
    async with asyncio.timeout(VISIBLE_SECONDS):
        assert await stranger.get() == b"401"
        await task


async def test_a_stream_shows_nothing_older_than_itself(hub: Client) -> None:
    """A page that was just loaded is not replaced by what an earlier stream has shown before it."""
    operator = await log_in_as(hub, Role.OPERATIONS)
    path, place = "/console/destinations/duo:rio/events/live", "/console/destinations/duo:rio"
    await operator.get(place)
    earlier, first = await read_stream(hub, operator, path)
    async with asyncio.timeout(VISIBLE_SECONDS):
        while b"event: live" not in await earlier.get():
            pass
        await operator.post(place, {"button": "hold", "reason": "storing bij DUO"})
        later, second = await read_stream(hub, operator, path)
        heard = b""
        while b"event: live" not in heard:
            heard += await later.get()
        assert b"storing bij DUO" in heard
        await operator.post("/logout", {"where": "here"})
        await asyncio.gather(first, second)


async def test_streams_are_bounded(hub: Client) -> None:
    """Nobody opens more than a few; without a session there is none."""
    stranger, task = await read_stream(hub, FormClient(hub))
    async with asyncio.timeout(VISIBLE_SECONDS):
        assert await stranger.get() == b"401"
        await task
    feed = LiveFeed()
    feed.streams["me"] = MOST_PER_CALLER
    assert (feed.has_room("me"), feed.has_room("you")) == (False, True)
