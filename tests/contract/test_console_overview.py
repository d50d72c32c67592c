"""The list of schools with their state at a glance, and what became of each message, in words."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.clock import now, today
from hub.domain.system import Contact, System
from hub.observe.status import school_status, schools_status
from hub.store.register import write_systems
from schemas.identifiers import Brin, Oin
from tests.support.api.school_calls import ONE, day, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.pages.form_client import FormClient, log_in_as
from tests.support.register.schools import BuiltSchool, add_schools

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool

SCHOOLS = [f"{n:02}AB" for n in range(56)]
REJECTED, WAITING, DONE, EMPTY, DECLINED = SCHOOLS[5], SCHOOLS[3], SCHOOLS[1], SCHOOLS[0], SCHOOLS[9]
USUALLY = """
insert into hops (process, minute, destination, hop, buckets, seconds, n)
select 0, '-infinity', 3, 'processing', array_agg(case n when 23 then 40 else 0 end order by n), 1, 40
  from generate_series(1, 26) n"""
"""DUO processed 40 messages for RIO, each in eight to twenty-four hours."""


@pytest.fixture
async def paper(pool: Pool, tmp_path: Path) -> FormClient:
    """Be somebody with a board of 56 schools: of some something is open, one has no mandate."""
    hub = await open_hub(pool, tmp_path)
    async with pool.acquire() as c:
        await add_schools(c, *(BuiltSchool(brin=b, name=f"School {b}", board="20000") for b in SCHOOLS))
        contact = Contact(name="Helpdesk Een", phone="088 123 45 67", email="help@een.example")
        services = frozenset({"VVA", "RIO"})
        await write_systems(c, [System(supplier_oin=Oin(ONE), name="Een", service_codes=services, contact=contact)])
    board = hub.as_caller(Role.SCHOOL, bges=["20000"])
    for brin in SCHOOLS[1:]:
        made = await board.post("/v1/mandates", mandate_request(brin=brin, serviceCode="RIO"))
        assert made.status == 201
    await board.post("/v1/mandates", mandate_request(brin=DECLINED, startDate=day(40)))
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:rio")
        rows = await c.fetch("select id, brin from deliveries where destination = 3")
        ids = {row["brin"]: str(row["id"]) for row in rows}
        for brin in SCHOOLS[1:]:
            if brin != WAITING:
                await report(c, ids[brin], "rejected" if brin == REJECTED else "processed", "het certificaat")
        await c.execute(USUALLY)
        await c.execute("update deliveries set delivered_at = now() - interval '50 hours' where brin = $1", WAITING)
    return await log_in_as(hub, Role.SCHOOL, bges=("20000",))


def words(body: str) -> str:
    """Return a page as it is read."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())


def listed(body: str) -> list[str]:
    """List the schools of a page, in its order."""
    return re.findall(r'<a href="/mandaten/(\w{4})">', body)


async def test_a_board_sees_which_schools_have_something_open(paper: FormClient) -> None:
    """All 56 on one page, with counts; what needs something comes first, and each filter shows its own."""
    page = await paper.text("/mandaten")
    assert listed(page)[:3] == [REJECTED, WAITING, DECLINED]
    assert sorted(listed(page)) == SCHOOLS
    assert listed(page)[-1] == EMPTY
    for text in ("Alle scholen (56)", "Iets te doen (1)", "Wacht op verwerking (2)", "In orde (52)", "RIO: afgewezen"):
        assert text in words(page), text
    assert "1 wacht op verwerking · 1 in orde · 1 begint later" in words(page)
    assert listed(await paper.text("/mandaten?stand=actie")) == [REJECTED]
    assert listed(await paper.text("/mandaten?stand=wacht")) == [WAITING, DECLINED]
    assert listed(await paper.text("/mandaten?stand=geen&q=school")) == [EMPTY]
    assert listed(await paper.text("/mandaten?volgorde=naam")) == SCHOOLS
    assert "Something to do (1)" in words(await paper.text("/mandaten?lang=en"))


async def test_many_schools_cost_as_many_statements_as_one(paper: FormClient, pool: Pool) -> None:
    """The state of 56 schools is that of each of them, read by as many statements as that of one."""
    assert paper.cookies
    brins, at = [Brin(each) for each in SCHOOLS], now()
    async with pool.acquire() as c:
        one_by_one = {brin: await school_status(c, brin, at, today(at)) for brin in brins}
        statements = Counter[str]()
        c.add_query_logger(lambda record: statements.update([record.query] if " " in record.query else []))
        await schools_status(c, brins[5:6], at, today(at))
        for_one = Counter(statements)
        assert await schools_status(c, brins, at, today(at)) == one_by_one
    for_all = statements - for_one
    assert sum(for_one.values()) <= 12
    assert for_all == for_one


async def test_a_school_reads_what_became_of_its_mandate(paper: FormClient) -> None:
    """Words with an age, how long it usually takes, what to do, and whom to call."""
    waiting = words(await paper.text(f"/mandaten/{WAITING}"))
    for text in (
        "Wacht op verwerking door DUO, al 2 dagen. DUO doet er meestal minder dan 23 uur over.",
        "DUO: bel 050 599 84 40 (9.00-13.00 uur), mail securityservicedesk@duo.nl.",
        "Over Een: bel 088 123 45 67, mail help@een.example (Helpdesk Een).",
        "Over mandaten en deze pagina's: Kennisnet, bel 0800 - 321 22 33",
    ):
        assert text in waiting, text
    rejected = words(await paper.text(f"/mandaten/{REJECTED}"))
    assert "Afgewezen door DUO. Dit kunt u doen: lees de melding" in rejected
    assert "het certificaat" in rejected
    coming = words(await paper.text(f"/mandaten/{DECLINED}"))
    assert coming.index("Nu Een geldig") < coming.index("Straks Een gaat nog in")
    assert "Een ontvangt nog geen berichten van de hub." in coming


async def test_what_was_stays_to_be_read(paper: FormClient, pool: Pool) -> None:
    """A mandate that ended long ago is under what is over, the newest first."""
    async with pool.acquire() as c:
        await c.execute(
            "update mandates set start_date = '2020-01-01', end_date = '2021-07-31', next_date = null where brin = $1",
            DONE,
        )
    page = words(await paper.text(f"/mandaten/{DONE}"))
    assert "Voorbij (1)" in page
    assert "vanaf 01-01-2020 t/m 31-07-2021" in page


async def test_the_part_that_refreshes_is_the_page(paper: FormClient) -> None:
    """The part that a browser gets again stands in the page as it is, and is for its visitor only."""
    part = words(await paper.text(f"/mandaten/{REJECTED}/live"))
    assert part.partition("RIO")[2] in words(await paper.text(f"/mandaten/{REJECTED}"))
    assert "<html" not in await paper.text(f"/mandaten/{REJECTED}/live")
    for path in ("/mandaten/18DS/live", "/mandaten/18DS/events/live"):
        assert (await paper.get(path)).status == 404
    stranger = await FormClient(paper._client).get(f"/mandaten/{REJECTED}/events/live")  # noqa: SLF001 - the same hub
    assert (stranger.status, stranger.body) == (204, b"")
