"""What one may not see does not exist: each way to read, tried by everybody it is not for, tells nothing.

Every GET of the description is called with the names of what belongs to others, and again with names of nothing: both
are answered alike, and no answer holds what is not the caller's. A part of the description that is added is tried too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from schemas.identifiers import Oin
from tests.support.api.client import client_of
from tests.support.api.school_calls import ONE, OTHER, R1, day, fill_register, mandate_request
from tests.support.lanes.ledger_states import plan_all, publish, take
from tests.support.register.subscriptions import KEYS, subscribed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hub.store.pool import Connection, Pool
    from tests.support.api.client import Client, Reply

NOTHING = {
    "mandateid": "018f0000-0000-7000-8000-000000000001", "deliveryid": "018f0000-0000-7000-8000-000000000002",
    "subscriptionid": "018f0000-0000-7000-8000-000000000003", "eventid": "018f0000-0000-7000-8000-000000000004",
    "replayid": "018f0000-0000-7000-8000-000000000005", "brin": "99ZZ", "bgecode": "99999", "branch": "99ZZ00",
    "schooloin": "0000000700099ZZ00000", "supplieroin": "00000099000000007000",
    "destination": "las:00000099000000007000",
    "name": "las:00000099000000007000", "servicecode": "VVA",
}  # fmt: skip
HOOK = "https://las.example/secret-hook"


@dataclass(frozen=True, kw_only=True)
class World:
    """A hub in which one school and one system have everything; `names` are theirs, by the name of a parameter."""

    hub: Client
    names: Mapping[str, str]
    secrets: Mapping[str, list[str]]


async def ids(c: Connection, statement: str) -> list[str]:
    """Read ids as texts."""
    return [str(row[0]) for row in await c.fetch(statement)]


@pytest.fixture
async def world(pool: Pool, tmp_path: Path) -> World:
    """School 18DS gives system ONE mandates for VVA and RIO, which both are told of; nobody else has anything."""
    async with pool.acquire() as c:
        await fill_register(c)
    hub = client_of(tmp_path, pool, SECRETS__KEYS=KEYS[0].get_secret_value())
    school = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    for service in ("VVA", "RIO"):
        body = mandate_request(serviceCode=service, branches=[{"branch": "18DS01", "routingId": R1}])
        assert (await school.post("/v1/mandates", body)).status == 201
    async with pool.acquire() as c:
        await publish(c)
        await plan_all(c)
        await subscribed(c, Oin(ONE), url=HOOK, services=("VVA", "RIO"))
        await take(c, "duo:rio")
        mandates = await ids(c, "select id from mandates")
        duo = await ids(
            c, "select d.id from deliveries d join destinations p on p.id = d.destination where p.kind = 'duo'"
        )
        las = await ids(
            c, "select d.id from deliveries d join destinations p on p.id = d.destination where p.kind <> 'duo'"
        )
        events = await ids(c, "select id from events")
        subscriptions = await ids(c, "select id from subscriptions")
    assert all((mandates, duo, las, events, subscriptions))
    names = {
        "mandateid": mandates[0], "deliveryid": las[0], "subscriptionid": subscriptions[0], "eventid": events[0],
        "brin": "18DS", "bgecode": "41561", "branch": "18DS01", "schooloin": "0000000700018DS00000", "supplieroin": ONE,
        "destination": f"las:{ONE}", "name": f"las:{ONE}", "servicecode": "VVA",
    }  # fmt: skip
    received = [*subscriptions, *las, HOOK]
    told = [*mandates, *duo, *events, *received]
    of_schools = [*told, R1, "De Boog"]
    secrets = {"school": of_schools, "las": told, "duo": received, "unknown": of_schools, "queue": duo}
    return World(hub=hub, names=names, secrets=secrets)


def strangers(hub: Client) -> dict[str, Client]:
    """Everybody who has nothing to do with it; a token without a role, and one whose role is for nobody."""
    return {
        "school": hub.as_caller(Role.SCHOOL, brins=["00AA"], bges=["41775"]),
        "las": hub.as_caller(Role.LAS, oin=OTHER),
        "duo": hub.as_caller(Role.DUO),
        "unknown": hub.as_caller(Role.SCHOOL),
    }


def plain(name: str) -> str:
    """Write a parameter's name without its style."""
    return name.replace("_", "").lower()


async def routes(hub: Client) -> list[tuple[str, list[str]]]:
    """List every GET of the description, with the names of what it takes in the query."""
    paths = (await hub.get("/v1/openapi.json")).json["paths"]
    return [
        (path if path.startswith(("/health", "/metrics", "/console", "/mandaten", "/problems")) else f"/v1{path}",
         [p["name"] for p in calls["get"].get("parameters", []) if p["in"] == "query"])
        for path, calls in paths.items() if "get" in calls
    ]  # fmt: skip


def calls_of(path: str, query: list[str], names: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fill a path, without a query and with each name that is known in it: alone, and all that must be there."""
    filled = re.sub(r"\{(\w+)\}", lambda found: names.get(plain(found[1]), NOTHING.get(plain(found[1]), "1")), path)
    known = {name: names[plain(name)] for name in query if plain(name) in names}
    yield filled, {}
    yield filled, known
    for name, value in known.items():
        yield filled, {name: value}


def said(reply: Reply, names: Mapping[str, str]) -> tuple[int, str]:
    """What was answered, with the names that were asked for left out."""
    text = reply.body.decode(errors="replace")
    for name in sorted(set(names.values()), key=len, reverse=True):
        text = text.replace(name, "…")
    return reply.status, re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "…", text)


@pytest.mark.parametrize("who", ["school", "las", "duo", "unknown"])
async def test_nothing_that_is_not_ones_own_can_be_read(world: World, who: str) -> None:
    """No answer to any GET holds an id, an address or a name that is somebody else's."""
    caller = strangers(world.hub)[who]
    tried = 0
    for path, query in await routes(world.hub):
        for filled, asked in calls_of(path, query, world.names):
            reply = await caller.get(filled, **asked)
            assert reply.status < 500, (filled, asked, reply.body)
            text = reply.body.decode(errors="replace")
            for value in asked.values():
                text = text.replace(value, "…")
            found = [secret for secret in world.secrets[who] if secret in text and secret not in filled]
            assert found == [], (filled, asked, reply.status, text[:500])
            tried += 1
    assert tried > 60


async def test_the_same_walk_finds_it_all_for_those_whose_it_is(world: World) -> None:
    """What strangers are not told is told to its owners by the very calls that were tried."""
    owners = {
        "school": world.hub.as_caller(Role.SCHOOL, brins=["18DS"]),
        "las": world.hub.as_caller(Role.LAS, oin=ONE),
    }
    for who, caller in owners.items():
        texts = [
            (await caller.get(filled, **asked)).body.decode(errors="replace")
            for path, query in await routes(world.hub)
            for filled, asked in calls_of(path, query, world.names)
        ]
        others = world.secrets["duo" if who == "school" else "queue"]
        expected = [secret for secret in world.secrets[who] if secret not in others]
        assert [secret for secret in expected if not any(secret in text for text in texts)] == []


@pytest.mark.parametrize("who", ["school", "las", "unknown"])
async def test_what_is_not_ones_own_is_answered_like_what_does_not_exist(world: World, who: str) -> None:
    """Whoever guesses an id learns nothing from the answer: it is the same for theirs and for nobody's."""
    caller = strangers(world.hub)[who]
    compared = 0
    for path, _ in await routes(world.hub):
        hidden = {plain(name) for name in re.findall(r"\{(\w+)\}", path)} & {
            "mandateid",
            "deliveryid",
            "subscriptionid",
        }
        hidden |= (
            {"brin", "bgecode"} & {plain(name) for name in re.findall(r"\{(\w+)\}", path)} if who != "las" else set()
        )
        if not hidden:
            continue
        (theirs, _), (nobodys, _) = (next(calls_of(path, [], names)) for names in (world.names, NOTHING))
        answers = [
            said(await caller.get(filled), names) for filled, names in ((theirs, world.names), (nobodys, NOTHING))
        ]
        assert answers[0] == answers[1], path
        assert answers[0][0] in {403, 404}, path
        compared += 1
    assert compared >= 4


async def test_a_free_characteristic_is_for_whoever_has_to_do_with_the_school(world: World) -> None:
    """A system with a mandate of it, also one that is over or to come; for another there is no such school."""
    hub = world.hub
    own = hub.as_caller(Role.SCHOOL, brins=["18DS"])
    one, other = hub.as_caller(Role.LAS, oin=ONE), hub.as_caller(Role.LAS, oin=OTHER)
    for mandate in (await own.get("/v1/mandates")).json["items"]:
        await own.post(f"/v1/mandates/{mandate['id']}/withdrawal", {"reason": "over"})
    assert (await one.get("/v1/routing/available", brin="18DS")).status == 200
    theirs = await other.get("/v1/routing/available", brin="18DS")
    nobodys = await other.get("/v1/routing/available", brin="99ZZ")
    assert (theirs.status, said(theirs, world.names)) == (404, said(nobodys, NOTHING))
    await own.post("/v1/mandates", mandate_request(supplierOin=OTHER, startDate=day(5)))
    assert (await other.get("/v1/routing/available", brin="18DS")).status == 200
    for caller in (own, hub.as_caller(Role.SCHOOL, bges=["41561"]), hub.as_caller(Role.OPERATIONS)):
        assert (await caller.get("/v1/routing/available", brin="18DS")).status == 200
    assert (await strangers(hub)["school"].get("/v1/routing/available", brin="18DS")).status == 404


async def test_a_refusal_for_the_role_comes_before_any_look_at_what_is_asked_for(world: World) -> None:
    """403 says that a path takes another role, which the description says to all; never that something exists."""
    for who, caller in strangers(world.hub).items():
        for path, _ in await routes(world.hub):
            (theirs, _), (nobodys, _) = (next(calls_of(path, [], names)) for names in (world.names, NOTHING))
            statuses = {(await caller.get(filled)).status for filled in (theirs, nobodys)}
            assert 403 not in statuses or statuses == {403}, (who, path)


async def test_without_a_token_only_what_is_open_to_all_answers(world: World) -> None:
    """401 for everything but the description, the keys, the schemas, and what is about problems."""
    open_to_all = re.compile(r"/v1/(keys|schemas.*|asyncapi\.json)|/(health|metrics|problems|console|mandaten).*")
    for path, query in await routes(world.hub):
        filled, _ = next(calls_of(path, query, world.names))
        reply = await world.hub.get(filled)
        assert reply.status == 401 or open_to_all.fullmatch(filled), (filled, reply.status)
