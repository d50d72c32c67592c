"""The pages as a browser gets them: who gets in, what they say in two languages, nothing from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.access import Role
from hub.console.files import static_path
from hub.store.reports import park_record
from hub.subscribe import disable
from tests.support.api.granted_hub import open_rejected_hub
from tests.support.api.school_calls import ONE, OTHER, R2, day, mandate_request
from tests.support.lanes.ledger_states import report_record
from tests.support.pages.form_client import FormClient, log_in_as
from tests.support.register.subscriptions import NOW, destination_id, subscribed

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

PLACE = "/console/destinations/duo:rio"


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school granted RIO, with one branch routed; its messages were taken, one was rejected."""
    return await open_rejected_hub(pool, tmp_path, "de <b>licentie</b> ontbreekt")


@pytest.fixture
async def mandate(hub: Client) -> str:
    """Give the path of the page of that mandate."""
    listed = (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).get("/v1/mandates")).json
    return f"/mandaten/18DS/{listed['items'][0]['id']}"


async def test_nobody_gets_in_without_a_token(hub: Client) -> None:
    """Pages send you to the login and back; a token that is not believed is told so; scripts cannot read the cookie."""
    paper = FormClient(hub)
    for path in ("/console", "/mandaten", "/mandaten/18DS", PLACE):
        reply = await paper.get(path)
        assert (reply.status, reply.headers["location"].partition("?")[0]) == (303, "/login")
    assert (await paper.log_in("nonsense")).status == 401
    token = hub.as_caller(Role.OPERATIONS).token
    assert token is not None
    reply = await paper.log_in(token)
    assert (reply.status, reply.headers["location"]) == (303, "/console")
    assert "HttpOnly" in reply.headers["set-cookie"]
    assert "SameSite=lax" in reply.headers["set-cookie"]


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        ("/mandaten/18DS", "/mandaten/18DS"),
        ("https://evil.example", "/mandaten"),
        ("//evil.example/mandaten", "/mandaten"),
        ("/mandaten//evil.example", "/mandaten"),
        ("/mandaten\\evil", "/mandaten"),
        ("/login", "/mandaten"),
    ],
)
async def test_the_login_goes_back_to_pages_of_ours_only(hub: Client, wanted: str, where: str) -> None:
    """Where somebody wanted to go is taken over from the address only when it is a page of the hub."""
    token = hub.as_caller(Role.SCHOOL, brins=["18DS"]).token
    assert token is not None
    assert (await FormClient(hub).log_in(token, wanted)).headers["location"] == where


async def test_operations_read_what_is_late_in_dutch_or_english(hub: Client) -> None:
    """Each destination with its words; the language is kept; pages run no script but their own."""
    paper = await log_in_as(hub, Role.OPERATIONS)
    page = await paper.get("/console")
    text = page.body.decode()
    assert "Doorgifte van mandaten" in text
    assert "duo:rio" in text
    assert "Er is niets te laat." in text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["x-content-type-options"] == "nosniff"
    english = await paper.text("/console?lang=en")
    assert "Delivery of mandates" in english
    assert '<html lang="en">' in await paper.text("/console")
    assert '<html lang="nl">' in await paper.text("/console?lang=nl")
    assert (await paper.text("/console/live")).count("<article") == text.count("<article")


async def test_a_button_wants_a_reason_and_a_form_of_ours(hub: Client, pool: Pool) -> None:
    """Without a reason, from another site, or without the secret of the page, nothing happens."""
    paper = await log_in_as(hub, Role.OPERATIONS)
    hold: dict[str, object] = {"button": "hold", "brin": "", "reason": "onderhoud"}
    assert (await paper.post(PLACE, {**hold, "reason": ""})).status == 400
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        assert (await paper.post(PLACE, hold, **headers)).status == 403
    assert (await paper.post(PLACE, {**hold, "secret": "0" * 32})).status == 403
    assert (await paper.post(PLACE, {**hold, "button": "explode"})).status == 404
    assert (await paper.post("/console/destinations/duo:none", hold)).status == 404
    async with pool.acquire() as c:
        assert await c.fetchval("select count(*) from destinations where held") == 0
    done = await paper.post(PLACE, hold, origin="http://hub.test")
    assert (done.status, done.headers["location"]) == (303, f"{PLACE}?done=held")
    assert "Een beheerder houdt" in await paper.text("/console")


async def test_a_record_put_aside_is_decided_on_once_and_with_a_reason(hub: Client, pool: Pool) -> None:
    """Its content is shown without a person's number; a decision without a reason is none."""
    async with pool.acquire() as c:
        await park_record(c, report_record("0190a000-0000-7000-8000-000000000000", "<i>123456782</i>"))
    paper = await log_in_as(hub, Role.OPERATIONS)
    page = await paper.text("/console/parked")
    assert "onbekende levering" in page
    assert "&lt;i&gt;*********&lt;/i&gt;" in page
    one = page.partition('name="record" value="')[2].partition('"')[0]

    async def press(button: str, **fields: str) -> tuple[int, str]:
        reply = await paper.post("/console/parked", {"button": button, "record": one, **fields})
        return reply.status, reply.body.decode()

    assert (await press("discard"))[0] == 400
    assert (await press("explode", reason="x"))[0] == 404
    assert "nog niet bekend" in (await press("retry", reason="x"))[1]
    assert "1 bericht is weggegooid." in (await press("discard", reason="x"))[1]
    assert "Hierover is al beslist." in (await press("discard", reason="x"))[1]


async def test_a_school_reads_what_became_of_its_mandates(hub: Client) -> None:
    """Per branch, with the back office's own words, escaped; never another school's."""
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    assert (await paper.get("/mandaten")).headers["location"] == "/mandaten/18DS"
    assert (await paper.get("/mandaten?brin=18ds")).headers["location"] == "/mandaten/18DS"
    text = await paper.text("/mandaten/18DS")
    assert "De Boog" in text
    assert "afgewezen" in text
    assert R2 in text
    assert "de &lt;b&gt;licentie&lt;/b&gt; ontbreekt" in text
    assert "rejected" in await paper.text("/mandaten/18DS?lang=en")
    for path in ("/mandaten/00AA", "/mandaten/00AA/nieuw", "/mandaten/00AA/geschiedenis", "/mandaten/99ZZ"):
        assert (await paper.get(path)).status == 404
    assert (await paper.get("/console")).headers["location"] == "/mandaten"


async def test_operations_see_what_a_supplier_is_told(hub: Client, pool: Pool) -> None:
    """The page of its destination has the open notices, in both languages, and whether they arrived."""
    async with pool.acquire() as c:
        await subscribed(c)
        await disable(c, await destination_id(c, f"las:{ONE}"), "the receiver answered 410 Gone", NOW)
    paper = await log_in_as(hub, Role.OPERATIONS)
    text = await paper.text(f"/console/destinations/las:{ONE}")
    for part in (
        "Meldingen aan de leverancier",
        "Abonnement uitgezet",
        "de ontvanger antwoordde met fout 410",
        "Nog niet verzonden.",
    ):
        assert part in text
    assert "Meldingen" not in await paper.text(PLACE)


async def test_a_school_reads_what_operations_pressed(hub: Client) -> None:
    """Held, cancelled in bulk and asked for again, in sentences; never what operators wrote, nor their names."""
    operator = hub.as_caller(Role.OPERATIONS)
    await operator.post("/v1/destinations/duo:rio/hold", {"brins": ["18DS"], "reason": "onderhoud"})
    await operator.post("/v1/replays", {"brins": ["18DS"], "reason": "DUO vraagt het"})
    text = await (await log_in_as(hub, Role.SCHOOL, brins=("18DS",))).text("/mandaten/18DS/geschiedenis")
    assert "Een beheerder van de hub hield de berichten over deze school aan DUO (rio) tegen." in text
    assert "Een beheerder van de hub vroeg om de stand van deze school opnieuw te sturen." in text
    assert "onderhoud" not in text
    assert "DUO vraagt het" not in text
    assert "onderhoud" in await (await log_in_as(hub, Role.OPERATIONS)).text("/mandaten/18DS/geschiedenis")


async def test_whoever_may_only_look_finds_nothing_to_press(hub: Client, pool: Pool, mandate: str) -> None:
    """Operations read every school and change none; another school's administrator does not even see it."""
    operations = await log_in_as(hub, Role.OPERATIONS)
    for path in ("/mandaten/18DS", mandate):
        assert (await operations.text(path)).count("<form") == 1, "only the one to log out"
    other = await log_in_as(hub, Role.SCHOOL, bges=("41775",))
    for paper in (operations, other):
        for way in ("intrekken", "kopieren", "vestiging/18DS01"):
            assert (await paper.get(f"{mandate}/{way}")).status == 404
            form: dict[str, object] = {"version": 1, "reason": "x", "how": "free", "step": "confirm", "brin": "00AA"}
            assert (await paper.post(f"{mandate}/{way}", form)).status == 404
        assert (await paper.post(f"{mandate}/datums", {"version": 1, "end": day(3)})).status == 404
        assert (await paper.post("/mandaten/18DS/nieuw", {"service": "VVA", "system": ONE})).status == 404
        assert (await paper.get("/mandaten/18DS/verdelen/RIO")).status == 404
    assert (await other.get(mandate)).status == 404
    assert await pool.fetchval("select count(*) from events") == 1, "the mandate as it was given"


async def test_a_form_that_came_from_elsewhere_changes_no_mandate(hub: Client, mandate: str) -> None:
    """A page of another site, or of another login, gives and withdraws nothing."""
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    form: dict[str, object] = {"version": 1, "reason": "x"}
    assert (await paper.post(f"{mandate}/intrekken", form, origin="https://evil.example")).status == 403
    assert (await paper.post(f"{mandate}/intrekken", {**form, "secret": ""})).status == 403
    other = await log_in_as(hub, Role.SCHOOL, brins=("18DS", "00AA"))
    refused = await paper.post(f"{mandate}/intrekken", {**form, "secret": other.secret})
    assert (refused.status, "Er is nog niets gewijzigd." in refused.body.decode()) == (403, True)
    assert "geldig" in await paper.text(mandate)


async def test_a_form_that_is_too_old_saves_nothing(hub: Client, mandate: str) -> None:
    """Each form carries the version that it changes."""
    paper = await log_in_as(hub, Role.SCHOOL, bges=("41561",))
    late: dict[str, object] = {"version": 1, "reason": "x", "how": "none", "end": day(9), "step": "confirm"}
    assert (await paper.post(f"{mandate}/datums", {"version": 1, "end": day(3), "step": "confirm"})).status == 303
    for way in ("datums", "intrekken", "vestiging/18DS01"):
        reply = await paper.post(f"{mandate}/{way}", late)
        assert reply.status == 200
        assert "Iemand anders heeft dit" in reply.body.decode()
    versions: dict[str, object] = {f"version.{mandate.rpartition('/')[2]}": 1, "for.18DS00": mandate.rpartition("/")[2]}
    given = mandate_request(serviceCode="RIO", supplierOin=OTHER)
    assert (await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", given)).status == 201
    reply = await paper.post("/mandaten/18DS/verdelen/RIO", {**versions, "step": "confirm"})
    assert (reply.status, "Iemand anders heeft dit" in reply.body.decode()) == (200, True)
    assert "wijzigde het mandaat van Een voor RIO: einddatum van geen naar" in await paper.text(
        "/mandaten/18DS/geschiedenis"
    )


async def test_days_are_read_as_people_write_them(hub: Client, mandate: str) -> None:
    """Day, month, year; what is no day is said beside its field, and nothing is saved."""
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    year, month, number = day(30).split("-")
    saved: dict[str, object] = {"step": "confirm"}
    for text in ("31-02-2027", "morgen", "2027"):
        reply = await paper.post(f"{mandate}/datums", {"version": 1, "end": text})
        assert (reply.status, f'value="{text}"' in reply.body.decode()) == (200, True)
    assert (
        await paper.post(f"{mandate}/datums", {**saved, "version": 1, "end": f"{number}/{month}/{year}"})
    ).status == 303
    assert f"t/m {number}-{month}-{year}" in await paper.text(mandate)
    assert (await paper.post(f"{mandate}/datums", {**saved, "version": 2, "end": ""})).status == 303
    assert "zonder einddatum" in await paper.text(mandate)


async def test_an_unreadable_day_hides_no_other_error(hub: Client) -> None:
    """The form's own errors and those of the register stand on one page, and no mandate is granted."""
    paper = await log_in_as(hub, Role.SCHOOL, brins=("18DS",))
    form: dict[str, object] = {"service": "RIO", "system": OTHER, "start": "morgen", "end": day(-2)}
    page = await paper.post("/mandaten/18DS/nieuw", form | {"how.18DS00": "own"})
    for words in ("Schrijf de datum als dag-maand-jaar", "De einddatum ligt in het verleden", 'value="morgen"'):
        assert (page.status, words in page.body.decode()) == (200, True), words
    right = {"start": day(), "end": "", "how.18DS00": "free", "step": "beside"}
    assert (await paper.post("/mandaten/18DS/nieuw", form | right)).status == 303


async def test_pages_are_for_schools_and_operations_only(hub: Client) -> None:
    """DUO and systems have the API."""
    paper = await log_in_as(hub, Role.DUO)
    assert (await paper.get("/mandaten")).status == 403
    assert (await paper.get("/console")).status == 403
    assert (await paper.get("/console/live")).status == 401
    sheet = await paper.get(static_path("console.css"))
    assert (sheet.status, "max-age=31536000" in sheet.headers["cache-control"]) == (200, True)
    assert (await paper.get("/console/static/0/console.css")).status == 404
    assert (await paper.get("/console/static/0/files.py")).status == 404
    assert (await paper.post("/logout", {"secret": ""})).status == 403
    out = await paper.post("/logout")
    assert 'osr_hub_session=""' in out.headers["set-cookie"]
    assert (await paper.get("/console")).status == 303


async def test_a_database_that_is_away_is_said_on_a_page(hub: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is shown a program's words for it."""
    paper = await log_in_as(hub, Role.OPERATIONS)

    def gone() -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("asyncpg.pool.Pool.acquire", lambda _pool, **_: gone())
    reply = await paper.get("/console")
    assert (reply.status, "De hub is er even niet." in reply.body.decode()) == (503, True)
