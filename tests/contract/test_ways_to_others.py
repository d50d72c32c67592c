"""An administrator of one board tries every way to see or change a school of another: each is answered 404.

The pages are tried route by route, so that a page that is added is tried too; the API by the calls that name a school,
a branch, a mandate or a delivery. Nothing of the other school is in an answer, and nothing of it changes.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pytest

from hub.access import Role
from hub.api.app import UNVERSIONED
from hub.console.route import PageRoute
from tests.support.api.school_calls import ONE, R1, day, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all
from tests.support.pages.form_client import log_in_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

OWN, OTHER, OTHER_BRANCH = "18DS", "00AA", "00AA00"
NAME: Final = "De Eerste"
FORM: Final[dict[str, object]] = {
    "service": "VVA", "system": ONE, "start": day(1), "end": day(9), "version": "1", "reason": "x", "how": "own",
    "own": R1, "step": "confirm", "brin": OTHER, "confirmed": "1",
}  # fmt: skip
CALLS: Final[list[tuple[str, str, Any]]] = [
    ("GET", "/v1/mandates/{mandate}", None),
    ("PATCH", "/v1/mandates/{mandate}", {"endDate": day(3)}),
    ("POST", "/v1/mandates/{mandate}/withdrawal", {"reason": "x"}),
    ("POST", "/v1/mandates/{mandate}/copies", {"brins": [OWN]}),
    ("PUT", "/v1/mandates/{mandate}/routing/00AA00", {"routingId": "0000000700000AA00001"}),
    ("DELETE", "/v1/mandates/{mandate}/routing/00AA00", None),
    ("GET", "/v1/mandates/{mandate}/deliveries", None),
    ("GET", "/v1/deliveries/{delivery}", None),
    ("GET", "/v1/schools/00AA", None),
    ("GET", "/v1/schools/00AA/status", None),
    ("GET", "/v1/schools/00AA/branches", None),
]
NARROWED: Final = (
    "/v1/mandates?brin=00AA", "/v1/mandates?bgeCode=41775", "/v1/deliveries?brin=00AA", "/v1/lanes?brin=00AA",
    "/v1/routing?brin=00AA", "/v1/schools?q=Eerste", "/mandaten?q=00AA", "/mandaten?q=Eerste",
)  # fmt: skip
"""Lists that are asked for another's: refused, or without anything of it."""


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub where both schools gave a mandate, of which the system was told."""
    hub = await open_hub(pool, tmp_path, LIMITS__REQUESTS_PER_SECOND="100000", LIMITS__BURST="100000",
                         LIMITS__UNKNOWN_PER_SECOND="100000", LIMITS__UNKNOWN_BURST="100000")  # fmt: skip
    for brin in (OWN, OTHER):
        made = await hub.as_caller(Role.SCHOOL, brins=[brin]).post("/v1/mandates", mandate_request(brin=brin))
        assert made.status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


@pytest.fixture
async def others(hub: Client, pool: Pool) -> dict[str, str]:
    """Give what the other school has."""
    assert hub
    return {
        "mandate": str(await pool.fetchval("select id from mandates where brin = $1", OTHER)),
        "delivery": str(await pool.fetchval("select id from deliveries where brin = $1", OTHER)),
    }


def pages_of_schools() -> Iterator[tuple[str, str]]:
    """Yield method and path of every page of a school for its administrators."""
    for module in UNVERSIONED:
        for route in import_module(module).router.routes:
            if isinstance(route, PageRoute) and route.path.startswith("/mandaten/{brin}"):
                yield from ((method, route.path) for method in sorted(route.methods or ()))


def filled(path: str, names: Mapping[str, str]) -> str:
    """Put names into a path."""
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: names[found[1]], path)


async def everything(pool: Pool) -> list[Any]:
    """Read all that a change would touch."""
    return [
        await pool.fetch(f"select * from {table} order by 1, 2")  # noqa: S608 - names of our own
        for table in ("mandates", "routes", "events", "deliveries", "lanes", "audit")
    ]


async def test_no_page_leads_to_another_board(hub: Client, pool: Pool, others: Mapping[str, str]) -> None:
    """By its school's code, and by its mandate under one's own school; reading and sending forms."""
    person, before, tried = await log_in_as(hub, Role.SCHOOL, brins=(OWN,)), await everything(pool), 0
    names = {"service_code": "VVA", "mandate_id": others["mandate"]}
    for brin, branch in ((OTHER, OTHER_BRANCH), (OWN, OTHER_BRANCH), (OWN, "18DS00")):
        for method, path in pages_of_schools():
            if brin == OWN and "{mandate_id" not in path:
                continue
            target = filled(path, {**names, "brin": brin, "branch": branch})
            reply = await (person.get(target) if method in {"GET", "HEAD"} else person.post(target, FORM))
            if reply.status == 303:  # a page that only leads on
                reply = await person.get(reply.headers["location"])
            assert (reply.status, NAME in reply.body.decode()) == (404, False), (method, target)
            tried += 1
    assert tried > 30
    assert (await person.get(f"/console/schools/{OTHER}")).headers["location"] == "/mandaten"  # it is for operators
    assert await everything(pool) == before


async def test_no_call_leads_to_another_board(hub: Client, pool: Pool, others: Mapping[str, str]) -> None:
    """The same answer as for what is not there."""
    school, before = hub.as_caller(Role.SCHOOL, brins=[OWN]), await everything(pool)
    for method, path, body in CALLS:
        reply = await school.call(method, filled(path, others), body, headers={"If-Match": '"1"'})
        assert (reply.status, NAME in reply.body.decode()) == (404, False), (method, path, reply.body)
    assert await everything(pool) == before


async def test_no_list_has_anything_of_another_board(hub: Client, others: Mapping[str, str]) -> None:
    """Whatever it is narrowed to."""
    school, person = hub.as_caller(Role.SCHOOL, brins=[OWN]), await log_in_as(hub, Role.SCHOOL, brins=(OWN,))
    for path in NARROWED:
        reply = await (person if path.startswith("/mandaten") else school).get(path)
        text = reply.body.decode()
        assert reply.status in {200, 400, 403, 404}, (path, reply.status)
        assert not any(found in text for found in (NAME, *others.values())), path


async def test_a_mandate_of_another_school_is_of_no_school(hub: Client, pool: Pool) -> None:
    """The answer is the one for a school that is not in the register."""
    school, before = hub.as_caller(Role.SCHOOL, brins=[OWN]), await everything(pool)
    for brin in (OTHER, "99ZZ"):
        reply = await school.post("/v1/mandates", mandate_request(brin=brin))
        assert (reply.status, [each["code"] for each in reply.json["errors"]]) == (400, ["unknown_school"])
    assert await everything(pool) == before


async def test_a_copy_to_another_board_makes_nothing(hub: Client, pool: Pool) -> None:
    """A school that is not one's own is not known."""
    school, before = hub.as_caller(Role.SCHOOL, brins=[OWN]), await everything(pool)
    mandate = await pool.fetchval("select id from mandates where brin = $1", OWN)
    reply = await school.post(f"/v1/mandates/{mandate}/copies", {"brins": [OTHER]})
    assert [(each["outcome"], each["reason"]) for each in reply.json["results"]] == [("skipped", "unknown_school")]
    assert await everything(pool) == before
