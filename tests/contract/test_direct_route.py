"""Direct routes answer as the framework would, whatever comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.access import Role
from hub.api import direct_route, mandates, routing
from hub.api.direct_route import is_direct
from tests.support.api.client import client_of
from tests.support.api.school_calls import ONE, R1, fill_register, mandate_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

    Ways = tuple[Client, Client]

UNKNOWN = "/v1/mandates/019c0000-0000-7000-8000-000000000000"
MERGE = "application/merge-patch+json"
ODD: list[tuple[str, str, object, Mapping[str, str]]] = [
    ("POST", "/v1/mandates", {}, {}),
    ("POST", "/v1/mandates", None, {}),
    ("POST", "/v1/mandates", b"{", {}),
    ("POST", "/v1/mandates", b"null", {}),
    ("POST", "/v1/mandates", b"[]", {}),
    ("POST", "/v1/mandates", b'"18DS"', {}),
    ("POST", "/v1/mandates", b'{"brin": NaN}', {}),
    ("POST", "/v1/mandates", b'{"brin": 1e999, "branches": 123456789012345678901234567890}', {}),
    ("POST", "/v1/mandates", b'{"brin": "\\ud800"}', {}),
    ("POST", "/v1/mandates", b'{"brin": "\\u0000"}', {}),
    ("POST", "/v1/mandates", b'{"brin": "\xff"}', {}),
    ("POST", "/v1/mandates", b"[" * 5000, {}),
    ("POST", "/v1/mandates", '{"brin": "18DS"}'.encode("utf-16"), {}),
    ("POST", "/v1/mandates", '{"brin": "18DS"}'.encode("utf-8-sig"), {}),
    ("POST", "/v1/mandates", mandate_request(brin="99ZZ", more=1), {}),
    ("POST", "/v1/mandates", mandate_request(startDate="2026-02-30", branches=[{"branch": "x"}]), {}),
    ("POST", "/v1/mandates?brin=18DS", mandate_request(), {}),
    ("POST", "/v1/mandates", mandate_request(brin="00BB"), {"content-type": "text/plain"}),
    ("POST", "/v1/mandates", mandate_request(brin="00BB"), {"authorization": "Bearer x"}),
    ("PATCH", UNKNOWN, {"endDate": "2027-01-01"}, {"content-type": MERGE}),
    ("PATCH", UNKNOWN, {"endDate": 1, "brin": "18DS"}, {"if-match": "x"}),
    ("PATCH", "/v1/mandates/x", {"endDate": 1}, {"if-match": "*"}),
    ("POST", f"{UNKNOWN}/withdrawal", None, {}),
    ("POST", f"{UNKNOWN}/withdrawal", {"reason": 1}, {}),
    ("PUT", f"{UNKNOWN}/routing/18DS01", {"routingId": R1}, {"if-match": "*"}),
    ("PUT", f"{UNKNOWN}/routing/x", {"routingId": "x"}, {}),
    ("DELETE", f"{UNKNOWN}/routing/18DS01", None, {}),
    ("DELETE", f"{UNKNOWN}/routing/x?y=1", None, {}),
]


@pytest.fixture
async def ways(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Give a school's client of a hub, and one of a hub without direct routes."""
    async with pool.acquire() as c:
        await fill_register(c)
    monkeypatch.setattr(direct_route, "is_direct", lambda _call: False)
    general = client_of(tmp_path, pool).as_caller(Role.SCHOOL, brins=["18DS"])
    await general.get("/v1/mandates")  # the framework makes its routes when they are first asked for
    monkeypatch.undo()
    return client_of(tmp_path, pool).as_caller(Role.SCHOOL, brins=["18DS"]), general


@pytest.mark.parametrize(("method", "target", "body", "headers"), ODD)
async def test_a_refusal_is_that_of_the_framework(
    ways: Ways, method: str, target: str, body: Any, headers: Mapping[str, str]
) -> None:
    """Nothing that is odd about a request is answered otherwise than by a route that is not direct."""
    direct, general = [await each.call(method, target, body, headers=headers) for each in ways]
    assert direct.status >= 400
    assert (direct.status, direct.headers, direct.body) == (general.status, general.headers, general.body)


async def test_an_answer_is_that_of_the_framework(ways: Ways) -> None:
    """The same fields and headers, but for what belongs to the one mandate."""
    direct, general = [
        await each.post("/v1/mandates", mandate_request(supplierOin=ONE, serviceCode=service))
        for each, service in zip(ways, ("VVA", "RIO"), strict=True)
    ]
    assert (direct.status, list(direct.json), set(direct.headers)) == (201, list(general.json), set(general.headers))
    own = {"id", "serviceCode", "createdAt", "updatedAt"}
    assert {n: v for n, v in direct.json.items() if n not in own} == {
        n: v for n, v in general.json.items() if n not in own
    }
    assert direct.headers["content-length"] == str(len(direct.body))


def test_every_change_of_a_mandate_is_direct() -> None:
    """All but the reads: those hold a connection, which the framework gives back."""
    routes: list[Any] = [*mandates.router.routes, *routing.router.routes]
    indirect = {method for each in routes for method in each.methods if not is_direct(each.dependant)}
    assert indirect == {"GET"}
