"""Every parameter of every page at its extremes: an answer that names what is wrong, and never a fault of the hub."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

from hub.access import Role
from hub.api.app import UNVERSIONED
from hub.api.shares import STREAMS
from hub.console.act_forms import FILTERS
from hub.console.route import PageRoute
from hub.store.reports import park_record
from tests.support.api.school_calls import ONE, R1, day, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all, report_record
from tests.support.pages.form_client import FormClient, log_in_as

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

    Route = tuple[str, str]

NUL: Final = "a\x00b"
EXTREMES: Final = (
    NUL, "", " ", "x" * 5000, "9" * 30, "-1", "0", "2147483648", "9223372036854775808", "0001-01-01", "9999-12-31",
    "31-12-9999", "01-01-0001", "2026-11-23T09:00:00Z", "%", "\\", "'\"<>{{ 1 }}", "../..", "\u202e\x1b[31m", "é\u0301",
    "\u0663", "\U0001f600", "\ufffd", "a.b.c",
)  # fmt: skip
FORMS: Final[dict[str, dict[str, Any]]] = {
    "/login/token": {"token": "", "next": ""},
    "/logout": {"where": "here"},
    "/console/destinations/{name}": {"button": "hold", "brin": "18DS", "reason": "x"},
    "/console/destinations/{name}/objective": {
        "button": "set", "transport": "30", "processing": "48", "share": "95", "version": "0", "reason": "x",
    },
    "/console/parked": {"button": "retry", "record": "1", "after": "0", "reason": "x"},
    "/console/deliveries/{delivery_id:uuid}": {"button": "cancel", "reason": "x"},
    "/console/acts/new/{kind}": {
        "destination": "duo:rio", "brins": "18DS", "from": "", "to": "", "rate": "50",
        "status": "delivered", "reason": "x", "delivery": "", "preset": "",
    },
    "/console/acts/{act_id:uuid}": {"button": "stop", "reason": "x"},
    "/mandaten/{brin}/nieuw": {
        "service": "VVA", "system": ONE, "start": day(1), "end": day(9), "how.18DS00": "own", "own.18DS00": R1,
        "step": "succeed", "old": "x", "version": "1", "seen": day(),
    },
    "/mandaten/{brin}/{mandate_id:uuid}/datums": {"version": "1", "start": day(1), "end": day(9)},
    "/mandaten/{brin}/{mandate_id:uuid}/intrekken": {"version": "1", "reason": "x"},
    "/mandaten/{brin}/{mandate_id:uuid}/kopieren": {"step": "preview", "q": "", "brin": "00AA", "version": "1"},
    "/mandaten/{brin}/{mandate_id:uuid}/vestiging/{branch}": {"how": "own", "own": R1, "version": "1"},
    "/mandaten/{brin}/verdelen/{service_code}": {"for.18DS00": "x", "version.x": "1", "step": "confirm"},
}  # fmt: skip
"""The fields of each form, filled in such that others are read after them."""


def page_routes() -> list[Route]:
    """List the pages, as method and path; without the streams of events, which do not end."""
    modules = [import_module(name) for name in UNVERSIONED]
    routes = [route for module in modules for route in module.router.routes if isinstance(route, PageRoute)]
    ending = [route for route in routes if not route.path.endswith(STREAMS)]
    found = sorted((method, route.path) for route in ending for method in route.methods or ())
    return [(method, path) for method, path in found if method == "GET" or "{rest:path}" not in path]


def query_of(route: Route) -> list[str]:
    """Name the parameters of a page's query."""
    modules = [import_module(name) for name in UNVERSIONED]
    found = next(r for m in modules for r in m.router.routes if isinstance(r, PageRoute) and r.path == route[1])
    filters = FILTERS if "{kind}" in route[1] else ()
    return [*(field.alias for field in found.dependant.query_params), *filters, "lang", "done", "next", "concept"]


ROUTES: Final = page_routes()


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with a mandate, a replay, and a record put aside, on which nobody's requests are counted."""
    hub = await open_hub(pool, tmp_path, LIMITS__REQUESTS_PER_SECOND="100000", LIMITS__BURST="100000",
                         LIMITS__UNKNOWN_PER_SECOND="100000", LIMITS__UNKNOWN_BURST="100000")  # fmt: skip
    made = await hub.as_caller(Role.SCHOOL, brins=["18DS"]).post("/v1/mandates", mandate_request())
    assert made.status == 201
    async with pool.acquire() as c:
        await plan_all(c)
        await park_record(c, report_record("0190a000-0000-7000-8000-000000000000"))
    reply = await hub.as_caller(Role.OPERATIONS).post("/v1/replays", {"brins": ["18DS"], "reason": "x"})
    assert reply.status == 202
    return hub


@pytest.fixture
async def known(hub: Client, pool: Pool) -> dict[str, str]:
    """Give a value for each parameter of a path that leads to something."""
    assert hub
    return {
        "brin": "18DS",
        "branch": "18DS00",
        "kind": "replay",
        "rest": "nowhere",
        "name": "console.css",
        "service_code": "VVA",
        "mandate_id": str(await pool.fetchval("select id from mandates")),
        "act_id": str(await pool.fetchval("select id from bulk_jobs")),
        "delivery_id": str(await pool.fetchval("select id from deliveries limit 1")),
    }


def filled(path: str, known: dict[str, str], **changes: str) -> str:
    """Put values into a path."""
    names = {"name": "duo:rio"} if "destinations" in path else {}
    values = {**known, **names, **changes}
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values[found[1]], path)


async def who(hub: Client, path: str) -> FormClient:
    """Log in as somebody who may see the page."""
    return await (log_in_as(hub, Role.SCHOOL, brins=("18DS", "00AA")) if path.startswith("/mandaten") else
                  log_in_as(hub, Role.OPERATIONS))  # fmt: skip


def test_every_form_is_tried() -> None:
    """A new form names its fields here."""
    assert set(FORMS) == {path for method, path in ROUTES if method == "POST"}


async def test_what_is_read_at_its_extremes(hub: Client, known: dict[str, str]) -> None:
    """Each parameter of a query and each part of a path: a page, a way to one, or what is wrong with it."""
    people = {path: await who(hub, path) for path in ("/mandaten", "/console")}
    for route in ROUTES:
        person = people["/mandaten" if route[1].startswith("/mandaten") else "/console"]
        for text in EXTREMES:
            for name in query_of(route) if route[0] == "GET" else ():
                reply = await person.get(f"{filled(route[1], known)}?{name}={quote(text)}")
                assert reply.status < 500, (route, name, text)
                assert NUL not in text or reply.status == 400, (route, name, text)
            for name in re.findall(r"{(\w+)(?::\w+)?}", route[1]):
                path = filled(route[1], known, **{name: text})
                reply = await (person.get(path) if route[0] == "GET" else person.post(path, FORMS[route[1]]))
                assert reply.status < 500, (route, name, text)
                assert NUL not in text or reply.status == 404, (route, name, text)


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_at_its_extremes(hub: Client, known: dict[str, str], path: str) -> None:
    """Each field: with NUL it is named, with 400; nothing else is a fault of the hub either."""
    person, target = await who(hub, path), filled(path, known)
    for text in EXTREMES:
        for name in (*FORMS[path], "secret"):
            reply = await person.post(target, {**FORMS[path], name: text})
            assert reply.status < 500, (name, text)
            assert NUL not in text or (reply.status == 400 and name in reply.body.decode()), (name, text)


@pytest.mark.parametrize(
    "path", ["/console/nergens", "/mandaten/18DS/a/b/c/d", "/login/nergens", "/logout/x", "/console/"]
)
async def test_an_address_that_leads_nowhere_is_a_page(hub: Client, path: str) -> None:
    """Whoever mistypes reads words, in the language of the pages, and finds a way back."""
    page = await FormClient(hub).get(path)
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Deze pagina is er niet" in page.body.decode()


async def test_a_fault_of_the_hub_is_a_page_without_its_insides(hub: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 in words; what went wrong stands in the log."""
    person = await log_in_as(hub, Role.OPERATIONS)

    async def fail(*_: object) -> None:
        raise RuntimeError("secret-of-the-inside")

    monkeypatch.setattr("hub.console.lag_stream.read_overview", fail)
    page = await person.get("/console")
    assert (page.status, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "Er ging bij ons iets mis." in page.body.decode()
    assert "secret-of-the-inside" not in page.body.decode()


async def test_the_root_leads_to_the_pages(hub: Client) -> None:
    """A person who types the name of the host only comes to the login, or to the first page."""
    assert (await FormClient(hub).get("/")).headers["location"] == "/console"
