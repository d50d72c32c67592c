"""The pages: who gets in, what they say in two languages, and what a button does; nothing from another site."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from hub.tokens import Role
from tests.support.calls import R2, open_hub, wish
from tests.support.seen import plan_all, report, take

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api import Client, Reply

FORM = {"content-type": "application/x-www-form-urlencoded", "host": "hub.test"}


class Browser:
    """Keeps the cookie of one person."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.cookie = ""

    async def get(self, path: str) -> Reply:
        """Look at a page."""
        return await self._client.call("GET", path, headers={"cookie": self.cookie})

    async def post(self, path: str, **form: str) -> Reply:
        """Press a button of a form."""
        headers = {**FORM, "cookie": self.cookie, **({"origin": form.pop("origin")} if "origin" in form else {})}
        return await self._client.call("POST", path, urlencode(form).encode(), headers=headers)

    async def log_in(self, token: str) -> Reply:
        """Show a token."""
        reply = await self.post("/console/login", token=token)
        self.cookie = reply.headers.get("set-cookie", "").partition(";")[0]
        return reply


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub whose school granted RIO, with one branch routed; its messages were taken, one was rejected."""
    hub = await open_hub(pool, tmp_path)
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    await school.post("/v1/mandates", wish(serviceCode="RIO", branches=[{"branch": "18DS01", "routingId": R2}]))
    async with pool.acquire() as c:
        await plan_all(c)
        await take(c, "duo:rio")
        one = await c.fetchval("select id from deliveries where branch = '18DS01'")
        await report(c, str(one), "rejected", "de <b>licentie</b> ontbreekt")
    return hub


async def browser_of(hub: Client, role: Role, brins: tuple[str, ...] = ()) -> Browser:
    """Be somebody who logged in."""
    browser = Browser(hub)
    token = hub.as_caller(role, brins=brins).token
    assert token is not None
    await browser.log_in(token)
    return browser


async def test_nobody_gets_in_without_a_token(hub: Client) -> None:
    """Pages send you to the login; a token that is not believed is told so; the cookie is kept from scripts."""
    browser = Browser(hub)
    for path in ("/console", "/mandaten"):
        reply = await browser.get(path)
        assert (reply.status, reply.headers["location"]) == (303, "/console/login")
    assert (await browser.log_in("nonsense")).status == 401
    token = hub.as_caller(Role.OPERATIONS).token
    assert token is not None
    reply = await browser.log_in(token)
    assert (reply.status, reply.headers["location"]) == (303, "/console")
    assert "HttpOnly" in reply.headers["set-cookie"]
    assert "SameSite=strict" in reply.headers["set-cookie"]


async def test_operations_read_what_is_late_in_dutch_or_english(hub: Client) -> None:
    """Each destination with its words; pages run no script but their own."""
    browser = await browser_of(hub, Role.OPERATIONS)
    page = await browser.get("/console")
    text = page.body.decode()
    assert page.status == 200
    assert "Doorgifte van mandaten" in text
    assert "duo:rio" in text
    assert "Niets is te laat." in text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    english = (await browser.get("/console?lang=en")).body.decode()
    assert "Delivery of mandates" in english
    assert "Nothing is late." in english
    assert (await browser.get("/console/live")).body.decode().count("<tbody") == text.count("<tbody")


async def test_a_button_holds_with_a_reason_and_not_from_elsewhere(hub: Client) -> None:
    """Without a reason, or from another site, nothing happens."""
    browser = await browser_of(hub, Role.OPERATIONS)
    press = {"button": "hold", "destination": "duo:rio"}
    assert (await browser.post("/console/press", **press)).status == 400
    assert (await browser.post("/console/press", **press, reason="x", origin="https://evil.example")).status == 400
    done = await browser.post("/console/press", **press, reason="onderhoud")
    assert (done.status, done.headers["location"]) == (303, "/console")
    assert "Een beheerder houdt het tegen" in (await browser.get("/console")).body.decode()
    wrong = await browser.post("/console/press", button="hold", destination="duo:rio", brin="99ZZ", reason="x")
    assert wrong.status == 400
    assert "99ZZ" in wrong.body.decode()
    for button in ({"button": "retry", "parked": "x"}, {"button": "explode"}):
        assert (await browser.post("/console/press", **button, reason="x")).status == 400


async def test_a_school_reads_what_became_of_its_mandates(hub: Client) -> None:
    """Per branch, with the back office's own words, escaped; never another school's."""
    browser = await browser_of(hub, Role.SCHOOL, ("18DS",))
    text = (await browser.get("/mandaten")).body.decode()
    assert "De Boog" in text
    assert "afgewezen" in text
    assert R2 in text
    assert "de &lt;b&gt;licentie&lt;/b&gt; ontbreekt" in text
    assert "rejected" in (await browser.get("/mandaten?lang=en")).body.decode()
    assert "De Eerste" not in (await browser.get("/mandaten?brin=00AA")).body.decode()
    assert (await browser.get("/console")).headers["location"] == "/mandaten"


async def test_pages_are_for_schools_and_operations_only(hub: Client) -> None:
    """DUO and systems have the API."""
    browser = await browser_of(hub, Role.DUO)
    assert (await browser.get("/mandaten")).status == 403
    assert (await browser.get("/console")).status == 403
    assert (await browser.get("/console/live")).status == 401
    assert (await browser.get("/console/static/console.css")).status == 200
    assert (await browser.get("/console/static/desk.py")).status == 404
    out = await browser.post("/console/logout")
    assert 'osr_hub_token=""' in out.headers["set-cookie"]
