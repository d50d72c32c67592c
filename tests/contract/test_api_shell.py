"""What holds for every call of the API, whatever its resource: form, identity, problems, ETags, pages."""

from __future__ import annotations

import inspect
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from hub.access import Role
from hub.api.app import ROUTERS, UNVERSIONED, WATCHING
from hub.api.unknown_parameters import KnownParameters
from hub.views.paging import Paging, list_fingerprint, write_cursor
from tests.support.api.probe_resource import ProbeRequest, probing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.api.client import Client


MARK = list_fingerprint("/v1/probes")


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Make a client that needs no database."""
    return probing(tmp_path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/probes", 200),
        ("GET", "/v1/probes/", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/probes", 405),
        ("POST", "/v1/probes", 401),
        ("GET", "/v1/probes/broken", 500),
        ("GET", "/v1/probes/absent", 404),
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/health/live", 200),
    ],
)
async def test_every_answer_carries_the_same_headers(client: Client, method: str, path: str, status: int) -> None:
    """Version and protection stand on every answer, errors included; errors are problems."""
    reply = await client.call(method, path)

    assert reply.status == status
    assert reply.headers["api-version"] == "1.0.0"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "strict-transport-security" in reply.headers
    if status >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["status"] == status
        assert {"type", "title", "detail", "code"} <= set(reply.json)


def test_no_request_needs_a_thread() -> None:
    """What a call needs is found in the event loop: a thread costs each call time, and a flood of them the process."""
    modules = [*(f"hub.api.{name}" for name in ROUTERS), *UNVERSIONED, *WATCHING]
    routes = [route for name in modules for route in import_module(name).router.routes if isinstance(route, APIRoute)]
    waiting = [KnownParameters.dependency, *(route.endpoint for route in routes)]
    parts = [route.dependant for route in routes]
    while parts:
        part = parts.pop()
        parts += part.dependencies
        waiting.append(part.call)
    in_threads = {
        call
        for call in waiting
        if not inspect.isasyncgenfunction(call)
        and not inspect.iscoroutinefunction(call)
        and not inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - how the framework looks
    }

    assert in_threads == set()


async def test_a_failure_tells_nothing_of_our_insides(client: Client) -> None:
    """The answer to an unexpected failure holds no word of the exception."""
    reply = await client.get("/v1/probes/broken")

    assert b"RuntimeError" not in reply.body
    assert b"password" not in reply.body


async def test_all_wrong_fields_are_named_at_once(client: Client) -> None:
    """One 400 names every wrong field by place and JSON pointer."""
    school = client.as_caller(Role.SCHOOL, brins=["18DS"])
    reply = await school.post("/v1/probes", {"startDate": 20261123, "howMany": "many", "extra/~": 1})

    assert reply.status == 400
    assert reply.json["type"] == "http://hub.test/problems/invalid-input"
    assert reply.json["detail"] == "3 fields are wrong"
    assert {(e["in"], e["field"], e["code"]) for e in reply.json["errors"]} == {
        ("body", "/startDate", "form"),
        ("body", "/howMany", "int_parsing"),
        ("body", "/extra~1~0", "unknown"),
    }


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'"text"', b'{"howMany": "\\u0000"}'])
async def test_a_hostile_body_is_bad_input(client: Client, body: bytes) -> None:
    """What is no JSON, or no JSON that fits, is the caller's mistake and never ours."""
    reply = await client.as_caller(Role.SCHOOL).post("/v1/probes", body)

    assert reply.status == 400


async def test_a_body_has_a_bound(client: Client) -> None:
    """More than eight megabytes are not read."""
    reply = await client.as_caller(Role.SCHOOL).post("/v1/probes", b" " * (8 * 1024 * 1024 + 1))

    assert reply.status == 413
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": ""}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"accept": "text/html"}, 406),
        ({"accept": "application/json;q=0"}, 406),
        ({"accept": "text/html, application/*;q=0.5"}, 200),
        ({"accept": "*/*"}, 200),
    ],
)
async def test_only_json_is_spoken(client: Client, headers: dict[str, str], status: int) -> None:
    """Another form than JSON is neither read nor answered in."""
    school = client.as_caller(Role.SCHOOL)
    reply = await school.post("/v1/probes", {"startDate": "2026-11-23", "howMany": 1}, headers=headers)

    assert reply.status == status


async def test_nul_in_an_address_is_bad_input(client: Client) -> None:
    """The one character that the database cannot hold is refused at the door."""
    assert (await client.call("GET", "/v1/probes?cursor=%00")).status == 400


async def test_who_is_not_known_is_told_how_to_be(client: Client) -> None:
    """Without a token the answer asks for one; with a bad token it says so; with another role it is 403."""
    unknown = await client.post("/v1/probes", {"startDate": "2026-11-23", "howMany": 1})
    forged = await client.post("/v1/probes", {}, headers={"Authorization": "Bearer a.b.c"})
    other = await client.as_caller(Role.DUO).post("/v1/probes", {"startDate": "2026-11-23", "howMany": 1})

    assert (unknown.status, unknown.headers["www-authenticate"]) == (401, "Bearer")
    assert (forged.status, forged.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert (other.status, other.json["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 428), ('"3"', 204), ("*", 204), ('"2", "3"', 204), ('"2"', 412), ("3", 412), ('W/"3"', 412), ("", 412)],
)
async def test_a_change_names_the_version_it_changes(client: Client, if_match: str | None, status: int) -> None:
    """Without If-Match 428, with a stale one 412; a weak tag never matches."""
    headers = {} if if_match is None else {"If-Match": if_match}

    assert (await client.call("PATCH", "/v1/probes/1", headers=headers)).status == status


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=%ff",
        "cursor=W10",
        f"cursor={write_cursor(MARK, '18DS', 2**63)}",
        f"cursor={write_cursor(MARK, 1, '18DS')}",
        f"cursor={write_cursor(list_fingerprint('/v1/others'), '18DS', 42)}",
        f"cursor={write_cursor('18DS', 42)}",
        "cursor=" + "A" * 2000,
        "limit=0",
        "limit=1001",
        "limit=many",
    ],
)
async def test_a_hostile_page_is_bad_input(client: Client, query: str) -> None:
    """A forged cursor or an impossible limit is a 400, not a failure."""
    assert (await client.call("GET", f"/v1/probes?{query}")).status == 400


async def test_a_cursor_leads_on(client: Client) -> None:
    """A cursor gives back the key it was made of; without one a list begins at its beginning."""
    assert (await client.get("/v1/probes")).json == {"limit": 100, "after": None}
    reply = await client.get("/v1/probes", limit=1000, cursor=write_cursor(MARK, "18DS", 42))
    assert reply.json == {"limit": 1000, "after": ["18DS", 42]}


def test_a_page_shows_that_there_is_more() -> None:
    """One row more than asked for makes a next page; exactly as many make the last one."""
    paging = Paging(fingerprint=MARK, limit=2)
    more = paging.page([1, 2, 3], key=lambda n: (n,), show=str)
    last = paging.page([1, 2], key=lambda n: (n,), show=str)

    assert (more.items, more.next) == (["1", "2"], write_cursor(MARK, 2))
    assert (last.items, last.next) == (["1", "2"], None)


async def test_the_description_is_open_to_all(client: Client) -> None:
    """OpenAPI 3.1 with contact and server, readable from any origin, knowing problems and no framework errors."""
    reply = await client.get("/v1/openapi.json")

    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.json["openapi"].startswith("3.1")
    assert set(reply.json["info"]["contact"]) == {"name", "email", "url"}
    assert reply.json["servers"] == [{"url": "http://hub.test/v1"}]
    assert b"HTTPValidationError" not in reply.body
    assert b"FieldLocation" in reply.body


def test_a_day_is_a_day() -> None:
    """A calendar day is read from its written form only, never from a number of seconds."""
    assert ProbeRequest.model_validate({"startDate": "2026-11-23", "howMany": 1}).start_date == date(2026, 11, 23)
