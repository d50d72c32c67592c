"""Forms on pages: nothing filled in is lost, nothing is done twice, and every answer to a form is a redirect."""

from __future__ import annotations

import asyncio
import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.store.page_forms import MAX_FORMS
from tests.support.api.school_calls import ONE, OTHER, day, mandate_request, open_hub
from tests.support.pages.form_client import FormClient, log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client, Reply

NEW = "/mandaten/18DS/nieuw"
ONCE = re.compile(r'name="once" value="([\w-]+)"')


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with a small register."""
    return await open_hub(pool, tmp_path)


@pytest.fixture
async def paper(hub: Client) -> FormClient:
    """Be an administrator of two schools."""
    return await log_in_as(hub, Role.SCHOOL, brins=("18DS", "00AA"))


def filled(**changes: object) -> dict[str, object]:
    """Fill in the form for a mandate."""
    return {"service": "RIO", "system": ONE, "start": day(), "end": "", **changes}


async def once(paper: FormClient, path: str) -> str:
    """Open a page with a form and return the token that the form carries."""
    found = ONCE.search(await paper.text(path))
    assert found is not None
    return found[1]


async def number_of(pool: Pool, table: str) -> int:
    """Count the rows of a table."""
    return int(await pool.fetchval(f"select count(*) from {table}"))  # noqa: S608 - a name of ours


async def test_a_button_pressed_twice_acts_once(paper: FormClient, pool: Pool) -> None:
    """Two presses at the same moment, and one afterwards: one mandate, and all lead to its page."""
    form = filled(once=await once(paper, f"{NEW}?dienst=RIO"))
    replies = await asyncio.gather(*(paper.post(NEW, form) for _ in range(3)))
    replies = [*replies, await paper.post(NEW, form)]
    assert {reply.status for reply in replies} == {303}
    assert len({reply.headers["location"] for reply in replies}) == 1
    assert await number_of(pool, "mandates") == await number_of(pool, "audit") == 1


async def test_a_form_that_was_refused_can_be_corrected_and_acts_once(paper: FormClient, pool: Pool) -> None:
    """A refusal does not use up the form: the same one, corrected, acts, and only once."""
    token = await once(paper, f"{NEW}?dienst=RIO")
    assert "Kies een administratiesysteem." in (await paper.post(NEW, filled(once=token, system=""))).body.decode()
    assert [(await paper.post(NEW, filled(once=token))).status for _ in range(2)] == [303, 303]
    assert await number_of(pool, "mandates") == 1


def out_of_order(page: str) -> list[str]:
    """Return the fields of the errors at the top of a page, when they stand in another order further down."""
    top = page[page.index('role="alert" tabindex') :]
    named = list(dict.fromkeys(re.findall(r'<a href="#([\w.-]+)"', top[: top.index("</ul>")])))
    assert len(named) > 1, named
    places = [page.index(f' id="{name}"') for name in named]
    return [] if places == sorted(places) else named


async def test_errors_are_listed_in_the_order_of_the_fields(hub: Client, paper: FormClient) -> None:
    """Those that the page finds and those that the use case finds, mixed as the fields are."""
    wrong = filled(system="", start="x", end="2020-01-01", **{
        "how.18DS02": "own", "own.18DS02": "nonsense", "how.18DS01": "own", "own.18DS01": "",
    })  # fmt: skip
    assert out_of_order((await paper.post(NEW, wrong)).body.decode()) == []
    operator = await log_in_as(hub, Role.OPERATIONS)
    chosen = {"rate": "0", "to": "x", "from": "y", "brins": "?", "destination": "duo:none"}
    assert out_of_order((await operator.ask("/console/acts/preview/replay", chosen)).body.decode()) == []
    await operator.get("/console/destinations/duo:rio")
    held = await operator.post("/console/destinations/duo:rio", {"button": "hold", "brin": "?", "reason": ""})
    assert 'href="#reason"' in held.body.decode()


@pytest.mark.parametrize("way", ["datums", "intrekken", "vestiging/18DS01"])
async def test_each_act_on_a_mandate_is_done_once(hub: Client, paper: FormClient, pool: Pool, way: str) -> None:
    """Dates, a withdrawal, a routing characteristic: the second press leads where the first did, without a change."""
    made = (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", mandate_request())).json
    path = f"/mandaten/18DS/{made['id']}"
    token = await once(paper, path if way == "datums" else f"{path}/{way}")
    form: dict[str, object] = {
        "once": token,
        "version": 1,
        "end": day(9),
        "reason": "x",
        "how": "free",
        "step": "confirm",
    }
    first, second = [await paper.post(f"{path}/{way}", form) for _ in range(2)]
    assert (first.status, first.headers["location"]) == (second.status, second.headers["location"])
    assert "done=" in first.headers["location"]
    assert await number_of(pool, "events") == 2


async def test_two_tabs_do_not_undo_each_other(paper: FormClient, pool: Pool) -> None:
    """The same form in two tabs: the second is refused with what was filled in, and nothing is saved twice."""
    first, second = [await once(paper, f"{NEW}?dienst=RIO") for _ in range(2)]
    assert (await paper.post(NEW, filled(once=first))).status == 303
    late = (await paper.post(NEW, filled(once=second, end=day(90)))).body.decode()
    assert "Er is al een mandaat voor deze school" in late
    assert f'value="{day(90)}"' in late
    assert await number_of(pool, "mandates") == 1


async def test_every_answer_to_a_form_is_a_redirect(hub: Client, paper: FormClient) -> None:
    """Errors and previews have addresses: they can be loaded again, in either language, and gone back to."""
    await paper.get(f"{NEW}?dienst=RIO")
    raw = await _post_without_following(hub, paper, filled(start="morgen"))
    assert raw.status == 303
    path = raw.headers["location"]
    for _ in range(2):
        page = (await paper.text(path)).replace("&#34;", '"')
        assert "Schrijf de datum als dag-maand-jaar" in page
        assert 'value="morgen"' in page
    assert "Write the date as day-month-year" in await paper.text(f"{path}&lang=en")
    await paper.get(f"{path}&lang=nl")
    given = mandate_request(serviceCode="RIO", supplierOin=OTHER)
    assert (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", given)).status == 201
    preview = await _post_without_following(hub, paper, filled(start=day(30)))
    assert "/nieuw/controle?concept=" in preview.headers["location"]
    for _ in range(2):
        assert "Een komt in plaats van Ander" in html.unescape(await paper.text(preview.headers["location"]))


async def _post_without_following(hub: Client, paper: FormClient, form: dict[str, object]) -> Reply:
    """Submit a form and return the answer itself."""
    raw = FormClient(hub)
    raw.cookies, raw.secret = paper.cookies, paper.secret
    return await raw.submit(NEW, form)


async def test_what_was_kept_is_its_visitors(hub: Client, paper: FormClient, pool: Pool) -> None:
    """Another session finds nothing under the address, and a logout deletes what was kept."""
    reply = await _post_without_following(hub, paper, filled(start="mijn geheim"))
    path = reply.headers["location"]
    assert "mijn geheim" in await paper.text(path)
    other = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    assert "mijn geheim" not in await other.text(path)
    for token in ("x", "%00", "'; drop table page_forms; --", "a" * 64):
        assert (await paper.get(f"{NEW}?dienst=RIO&concept={token}")).status in {200, 400}
    await paper.post("/logout")
    assert await number_of(pool, "page_forms") == 0


async def test_what_is_kept_is_bounded(paper: FormClient, pool: Pool) -> None:
    """A session keeps its newest forms, and none that is very large."""
    await paper.get(f"{NEW}?dienst=RIO")
    for n in range(MAX_FORMS + 5):
        await paper.post(NEW, filled(start=f"x{n}"))
    assert await number_of(pool, "page_forms") <= MAX_FORMS + 1
    large = await paper.post(NEW, filled(start="x" * 70_000))
    assert (large.status, "te groot" in large.body.decode()) == (413, True)


async def test_an_agreement_is_looked_at_before_the_form(paper: FormClient, pool: Pool) -> None:
    """A service for which the board has no agreement cannot be chosen, and has no form to fill in."""
    await pool.execute("update boards set vva_agreement = false where bge_code = '41561'")
    choice = await paper.text(NEW)
    assert re.search(r'value="VVA" disabled>', choice)
    assert "uw bestuur heeft hiervoor nog geen overeenkomst" in choice
    page = await paper.text(f"{NEW}?dienst=VVA")
    assert "de overeenkomst voor VVA nog niet getekend" in page
    assert 'name="start"' not in page
    assert 'name="start"' in await paper.text(f"{NEW}?dienst=RIO")


async def test_a_copy_shows_who_cannot_from_the_start(hub: Client, paper: FormClient, pool: Pool) -> None:
    """A school with another system cannot be ticked, and the page says why; a copy confirmed twice is made once."""
    two = hub.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    made = (await two.post("/v1/mandates", mandate_request(serviceCode="RIO"))).json
    path = f"/mandaten/18DS/{made['id']}/kopieren"
    assert 'id="brin-00AA"' in await paper.text(path)
    other = (await two.post("/v1/mandates", mandate_request(brin="00AA", serviceCode="RIO", supplierOin=OTHER))).json
    page = await paper.text(path)
    assert 'id="brin-00AA"' not in page
    assert "deze school gebruikt voor deze dienst een ander systeem (nu: Ander)" in page
    await two.call("POST", f"/v1/mandates/{other['id']}/withdrawal", {"reason": "x"}, headers={"If-Match": '"1"'})
    check = (await paper.post(path, {"step": "preview", "brin": "00AA"})).body.decode()
    form: dict[str, object] = {"step": "confirm", "version": 1, "brin": "00AA", "once": ONCE.findall(check)[-1]}
    replies = [await paper.post(path, form) for _ in range(2)]
    assert len({reply.headers["location"] for reply in replies}) == 1
    outcome = await paper.text(replies[0].headers["location"])
    assert re.search(r'class="notice good top-right" role="status">1 school kreeg dit mandaat\.', outcome)
    assert await number_of(pool, "mandates") == 3


async def test_new_dates_say_who_is_told_before_they_are_saved(hub: Client, paper: FormClient, pool: Pool) -> None:
    """The page says from what to what and who is told; the same dates, or wrong ones, have no such page."""
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    made = (await school.post("/v1/mandates", mandate_request(serviceCode="RIO"))).json
    path = f"/mandaten/18DS/{made['id']}"
    await paper.get(path)
    page = (await paper.post(f"{path}/datums", {"version": 1, "end": day(90)})).body.decode()
    last = "-".join(reversed(day(90).split("-")))
    assert f"<b>DUO</b>: het mandaat van Een loopt t/m {last}" in page
    assert await number_of(pool, "events") == 1
    form: dict[str, object] = {"version": 1, "end": day(90), "step": "confirm"}
    assert (await paper.post(f"{path}/datums", form)).headers["location"].endswith("done=amended")
    assert await number_of(pool, "events") == 2
    assert (await paper.post(f"{path}/datums", {"version": 2, "end": day(90)})).status == 303
    wrong = (await paper.post(f"{path}/datums", {"version": 2, "end": day(-9)})).body.decode()
    assert "De einddatum ligt vóór de begindatum." in wrong


async def test_history_names_people_to_those_who_may_know(hub: Client, paper: FormClient, pool: Pool) -> None:
    """Sentences with the names of people, systems and services; an erased person has none."""
    colleague = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    made = (await colleague.post("/v1/mandates", mandate_request(serviceCode="RIO", endDate=day(60)))).json
    path = f"/mandaten/18DS/{made['id']}"
    await paper.get(path)
    assert (await paper.post(f"{path}/datums", {"version": 1, "end": day(9), "step": "confirm"})).status == 303
    history = "/mandaten/18DS/geschiedenis"

    async def text() -> str:
        return html.unescape(await paper.text(history))

    assert "U wijzigde het mandaat van Een voor RIO: einddatum van" in await text()
    assert "Iemand van wie de hub alleen de inlogcode kent gaf Een een mandaat voor RIO, vanaf" in await text()
    await pool.execute("update people set name = 'Mark Jansen'")
    assert "Mark Jansen gaf Een een mandaat voor RIO, vanaf" in await text()
    await pool.execute("update people set name = null, subject = null, erased_at = now() where subject <> 'x'")
    assert "Iemand wiens naam niet meer wordt bewaard gaf Een" in await text()


async def test_services_say_what_they_are(paper: FormClient) -> None:
    """Each service with who processes it, and the systems that offer it; known before any school is chosen."""
    page = html.unescape(await paper.text("/mandaten/diensten"))
    for text in ("BRON po (ROD po)", "Register Onderwijsdeelnemers", "Het LAS zelf.", "Een: vraag het de leverancier"):
        assert text in page, text
    assert "The LAS itself." in await paper.text("/mandaten/diensten?lang=en")
