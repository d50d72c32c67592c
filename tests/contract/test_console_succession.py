"""One system follows another on the pages: what is foreseen is what happens, both changes are made or neither."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from tests.support.api.school_calls import ONE, OTHER, R1, R2, day, mandate_request, open_hub, patch
from tests.support.pages.form_client import FormClient, log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

PAGE = "/mandaten/18DS/nieuw"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A school's administrator at the pages, the same school's API, and the register."""

    paper: FormClient
    school: Client
    pool: Pool

    async def grant(self, **changes: Any) -> dict[str, Any]:
        """Grant a mandate by the API."""
        made = await self.school.post("/v1/mandates", mandate_request(**{"serviceCode": "RIO", **changes}))
        assert made.status == 201, made.json
        return dict(made.json)

    async def ask(self, start: str, **more: object) -> str:
        """Send the form for a mandate of the other system for RIO, and return the page that asks to confirm it."""
        form: dict[str, object] = {"service": "RIO", "system": OTHER, "start": start, "end": "", **more}
        reply = await self.paper.post(PAGE, form)
        assert reply.status == 200, (reply.status, reply.headers)
        return words(reply.body)

    async def events(self) -> list[tuple[str, str, str | None]]:
        """List the events of the school: system, kind, end date."""
        rows = await self.pool.fetch(
            """select body::json ->> 'systemCode' as system, type::text as kind, body::json ->> 'endDate' as last
                 from events order by number"""
        )
        return [(row["system"], row["kind"], row["last"]) for row in rows]


@pytest.fixture
async def desk(pool: Pool, tmp_path: Path) -> Desk:
    """Give an administrator of a school of four branches, with two systems to choose from."""
    hub = await open_hub(pool, tmp_path)
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    return Desk(paper=paper, school=hub.as_caller(Role.SCHOOL, brins=["18DS"]), pool=pool)


def words(body: bytes) -> str:
    """Return a page with its spaces and line ends as one space each, as it is read."""
    return " ".join(html.unescape(body.decode()).split())


def back_of(page: str) -> str:
    """Return the address of the form that a page came from, as it was filled in."""
    found: list[str] = re.findall(r'href="(/mandaten/[^"]*concept=[^"]*)"', page)
    return found[-1]


def told(iso: str) -> str:
    """Write a day as pages do."""
    return "-".join(reversed(iso.split("-")))


def form_of(page: str, button: str, nth: int = 0) -> dict[str, object]:
    """Return what the nth form with this button sends."""
    forms = [form for form in page.split("<form")[1:] if f'value="{button}"' in form.partition("</form>")[0]]
    return {**dict(HIDDEN.findall(forms[nth].partition("</form>")[0])), "step": button}


async def test_a_system_follows_another(desk: Desk) -> None:
    """The old one ends the day before, the new one begins: said before, done by one confirmation, told as foreseen."""
    await desk.grant(branches=[{"branch": "18DS01", "routingId": R2}])
    page = await desk.ask(day(30))
    for sentence in (
        "Een heeft een mandaat zonder einddatum.",
        f"Ander begint op {told(day(30))}.",
        f"Een heeft het dan nog t/m {told(day(29))}.",
        "Ander krijgt dezelfde kenmerken.",
        f"<b>DUO</b>: het mandaat van Een loopt t/m {told(day(29))} (18DS01, {R2})</span>",
        f"<b>DUO</b>: het mandaat van Een loopt t/m {told(day(29))} (18DS00, 18DS02, 18DS03)</span>",
        f"<b>DUO</b>: mandaat voor Ander vanaf {told(day(30))}, zonder einddatum (18DS01, {R2})</span>",
    ):
        assert sentence in page, sentence
    assert "verdelen" not in page
    assert await desk.events() == [(ONE, "granted", None)]
    sent = form_of(page, "succeed")
    done = await desk.paper.post(PAGE, sent)
    assert (done.status, done.headers["location"].endswith("done=succeeded")) == (303, True)
    expected = [(ONE, "granted", None), (ONE, "amended", day(29)), (OTHER, "granted", None)]
    assert await desk.events() == expected
    audit = await desk.pool.fetch("select action from audit order by number")
    assert [row["action"] for row in audit] == ["mandate.granted", "mandate.amended", "mandate.granted"]
    assert "Het nieuwe mandaat en het einde van het oude zijn opgeslagen." in words(
        (await desk.paper.get(done.headers["location"])).body
    )
    twice = await desk.paper.post(PAGE, sent)
    assert (twice.status, twice.headers["location"]) == (303, done.headers["location"])
    assert await desk.events() == expected


async def test_the_systems_are_foreseen_with_the_day(desk: Desk) -> None:
    """Where the systems themselves are told: each its own, now and on the day; what waits is said to wait."""
    await desk.grant(serviceCode="VVA")
    page = await desk.ask(day(30), service="VVA")
    waits = "wacht tot {} berichten van de hub ontvangt</span>"
    for who, what, when in (
        ("Een", f"het mandaat van Een loopt t/m {told(day(29))}", "zodra u bevestigt"),
        ("Ander", f"mandaat voor Ander vanaf {told(day(30))}, zonder einddatum", "zodra u bevestigt"),
        ("Een", "het mandaat van Een is afgelopen", f"op {told(day(30))}"),
        ("Ander", "het mandaat van Ander is ingegaan", f"op {told(day(30))}"),
    ):
        line = f'<b>{who}</b>: {what} (hele school)</span> <span class="moment">{when}; {waits.format(who)}'
        assert line in page, line


async def test_a_system_that_begins_today_ends_the_other_at_once(desk: Desk) -> None:
    """An end date cannot lie in the past: the old mandate is withdrawn, and the page says so before."""
    await desk.grant()
    page = await desk.ask(day())
    assert "Een einddatum kan niet in het verleden liggen. Daarom trekt u het mandaat van Een in" in page
    assert "<b>DUO</b>: het mandaat van Een is ingetrokken (hele school)" in page
    assert (await desk.paper.post(PAGE, form_of(page, "succeed"))).status == 303
    assert await desk.events() == [(ONE, "granted", None), (ONE, "withdrawn", None), (OTHER, "granted", None)]


async def test_a_mandate_that_would_begin_later_never_does(desk: Desk) -> None:
    """It would end before it begins: it is withdrawn."""
    await desk.grant(startDate=day(60))
    page = await desk.ask(day(30))
    assert f"Het mandaat van Een zou pas op {told(day(60))} ingaan." in page
    assert (await desk.paper.post(PAGE, form_of(page, "succeed"))).status == 303
    assert [kind for _, kind, _ in await desk.events()] == ["granted", "withdrawn", "granted"]


async def test_a_mandate_that_ends_before_asks_nothing(desk: Desk) -> None:
    """Nobody is asked about a mandate that is over by then; one that ends later is."""
    made = await desk.grant(endDate=day(29))
    form: dict[str, object] = {"service": "RIO", "system": OTHER, "start": day(30), "end": ""}
    await patch(desk.school, f"/v1/mandates/{made['id']}", {"endDate": day(30)}, 1)
    assert f"Een heeft een mandaat t/m {told(day(30))}." in await desk.ask(day(30))
    await patch(desk.school, f"/v1/mandates/{made['id']}", {"endDate": day(29)}, 2)
    assert (await desk.paper.post(PAGE, form)).status == 303


async def test_whoever_goes_back_keeps_what_was_filled_in(desk: Desk) -> None:
    """Cancel and back change nothing."""
    await desk.grant()
    page = await desk.ask(day(30), **{"how.18DS02": "free", "end": day(90)})
    assert f"Ander heeft het mandaat t/m {told(day(90))}." in page
    back = await desk.paper.text(back_of(page))
    for kept in (f'value="{OTHER}" selected', f'value="{day(30)}"', f'value="{day(90)}"', 'value="free" checked'):
        assert kept in back, kept
    assert await desk.events() == [(ONE, "granted", None)]


async def test_somebody_else_changed_the_old_mandate(desk: Desk) -> None:
    """Neither change is made; the page shows again what would happen now, and asks again."""
    made = await desk.grant()
    sent = form_of(await desk.ask(day(30)), "succeed")
    await patch(desk.school, f"/v1/mandates/{made['id']}", {"endDate": day(200)}, 1)
    late = await desk.paper.post(PAGE, sent)
    page = words(late.body)
    assert (late.status, "Iemand anders heeft dit intussen gewijzigd." in page) == (200, True)
    assert f"Een heeft een mandaat t/m {told(day(200))}." in page
    assert len(await desk.events()) == 2
    assert (await desk.paper.post(PAGE, form_of(page, "succeed"))).status == 303
    assert len(await desk.events()) == 4


async def test_somebody_else_withdrew_the_old_mandate(desk: Desk) -> None:
    """Nothing is left to follow: the form is shown again, and nothing was saved."""
    made = await desk.grant()
    sent = form_of(await desk.ask(day(30)), "succeed")
    path = f"/v1/mandates/{made['id']}"
    gone = await desk.school.call("POST", f"{path}/withdrawal", {"reason": "x"}, headers={"If-Match": '"1"'})
    assert gone.status == 200, gone.json
    late = await desk.paper.post(PAGE, sent)
    assert (late.status, "Er is niets opgeslagen." in words(late.body)) == (200, True)
    assert f'value="{OTHER}" selected' in late.body.decode()
    assert len(await desk.events()) == 2


async def test_a_page_of_yesterday_is_asked_again(desk: Desk) -> None:
    """What was foreseen on another day may differ today."""
    await desk.grant()
    sent = form_of(await desk.ask(day(30)), "succeed")
    assert (await desk.paper.post(PAGE, {**sent, "seen": day(-1)})).status == 200
    assert len(await desk.events()) == 1


@pytest.mark.parametrize("when", ["before", "between"])
async def test_without_an_agreement_nothing_ends(desk: Desk, when: str) -> None:
    """The old mandate goes on when the new one cannot be granted."""
    await desk.grant()
    sent: dict[str, object] = {"service": "RIO", "system": OTHER, "start": day(30), "end": ""}
    if when == "between":
        sent = form_of(await desk.ask(day(30)), "succeed")
    await desk.pool.execute("update boards set osr_agreement = false")
    refused = await desk.paper.post(PAGE, sent)
    assert (refused.status, "overeenkomst voor deze dienst nog niet getekend" in words(refused.body)) == (200, True)
    assert await desk.events() == [(ONE, "granted", None)]


async def test_the_new_system_overlaps_itself(desk: Desk) -> None:
    """The new system has a later mandate: the old one goes on."""
    await desk.grant()
    await desk.grant(supplierOin=OTHER, startDate=day(60))
    refused = await desk.paper.post(PAGE, {"service": "RIO", "system": OTHER, "start": day(30), "end": ""})
    assert (refused.status, "Er is al een mandaat voor deze school" in words(refused.body)) == (200, True)
    assert len(await desk.events()) == 2


async def test_two_systems_side_by_side_is_for_who_says_so(desk: Desk) -> None:
    """By a routing characteristic, with what each is told; without one nobody gets a mandate that nobody hears of."""
    await desk.grant(serviceCode="VVA")
    bare = await desk.ask(day(), service="VVA")
    assert "Kies in het formulier eerst" in bare
    assert 'value="beside"' not in bare
    assert "Gebruikt uw school deze systemen echt tegelijk?" in await desk.ask(day(), service="VVA", step="beside")
    page = await desk.ask(day(), **{"service": "VVA", "how.18DS03": "free"})
    assert "<b>Een</b>: het mandaat van Een geldt nu voor deze vestigingen (18DS00, 18DS01, 18DS02)" in page
    assert f"(18DS03, {R1})" in page
    assert "Ander krijgt nog geen bericht over 18DS00, 18DS01, 18DS02." in page
    assert (await desk.paper.post(PAGE, form_of(page, "beside"))).status == 303
    assert [kind for _, kind, _ in await desk.events()] == ["granted", "granted", "amended"]
    assert "/verdelen/VVA" in await desk.paper.text("/mandaten/18DS")


async def test_dividing_is_not_offered_to_who_changes_over(desk: Desk) -> None:
    """An old mandate that runs on beside a later one: the page offers its end, filled in, and not to divide."""
    made = await desk.grant()
    later = await desk.grant(supplierOin=OTHER, startDate=day(30))
    page = words((await desk.paper.get("/mandaten/18DS")).body)
    assert f"Een gaat door, terwijl Ander op {told(day(30))} begint." in page
    assert f'href="/mandaten/18DS/{made["id"]}?einde={day(29)}"' in page
    assert "verdelen" not in page
    assert "verdelen" not in await desk.paper.text(f"/mandaten/18DS/{later['id']}")
    form = await desk.paper.text(f"/mandaten/18DS/{made['id']}?einde={day(29)}")
    assert f'value="{day(29)}"' in form or f'value="{told(day(29))}"' in form
    dates: dict[str, object] = {"version": 1, "end": day(29), "step": "confirm"}
    assert (await desk.paper.post(f"/mandaten/18DS/{made['id']}/datums", dates)).status == 303
    assert "gaat door, terwijl" not in words((await desk.paper.get("/mandaten/18DS")).body)


async def test_nobody_ends_a_mandate_of_another_service(desk: Desk) -> None:
    """A mandate of another service named in the form does not end."""
    verzuim = await desk.grant(serviceCode="VVA")
    await desk.grant()
    sent = form_of(await desk.ask(day(30)), "succeed")
    refused = await desk.paper.post(PAGE, {**sent, "old": verzuim["id"]})
    assert refused.status == 404
    assert len(await desk.events()) == 2


async def test_a_withdrawal_says_who_is_told(desk: Desk) -> None:
    """The system or DUO, and the system beside it that is told at last; a mandate that is over tells nobody."""
    made = await desk.grant()
    await desk.grant(supplierOin=OTHER)
    path = f"/mandaten/18DS/{made['id']}/intrekken"
    page = words((await desk.paper.get(path)).body)
    assert "<b>DUO</b>: het mandaat van Een is ingetrokken (hele school)" in page
    assert f"<b>DUO</b>: mandaat voor Ander vanaf {told(day())}, zonder einddatum (hele school)" in page
    assert len(await desk.events()) == 2
    assert (await desk.paper.post(path, {"version": 1, "reason": "x"})).status == 303
    assert [kind for _, kind, _ in await desk.events()] == ["granted", "granted", "withdrawn", "amended"]
    assert "Niemand krijgt hierover bericht." in words((await desk.paper.get(path)).body)


async def test_a_division_says_who_is_told_before_it_is_made(desk: Desk) -> None:
    """A branch that goes to the new system leaves the old one today: the page says so, and only then it is done."""
    await desk.grant(serviceCode="VVA")
    other = await desk.grant(serviceCode="VVA", supplierOin=OTHER)
    path = "/mandaten/18DS/verdelen/VVA"
    await desk.paper.get(path)
    versions = {f"version.{row['id']}": row["version"] for row in await desk.pool.fetch("select * from mandates")}
    page = words((await desk.paper.post(path, {"for.18DS03": other["id"], **versions})).body)
    assert f"<b>Ander</b>: mandaat voor Ander vanaf {told(day())}, zonder einddatum (18DS03, {R1})" in page
    assert "<b>Een</b>: het mandaat van Een geldt nu voor deze vestigingen (18DS00, 18DS01, 18DS02)" in page
    assert len(await desk.events()) == 2
    back = await desk.paper.text(back_of(page))
    assert f'value="{other["id"]}" checked' in back
    assert (await desk.paper.post(path, form_of(page, "confirm"))).status == 303
    assert [(system, kind) for system, kind, _ in (await desk.events())[2:]] == [(OTHER, "amended"), (ONE, "amended")]
