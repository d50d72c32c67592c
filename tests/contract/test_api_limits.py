"""Nobody asks so often that others wait: 429 with the seconds to wait, per subject, or per address without a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access import Role
from tests.support.api.client import client_of

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client


def slow(folder: Path, pool: Pool) -> Client:
    """Make an API that lets everybody ask three times, and then every hundred seconds or so."""
    return client_of(
        folder, pool, LIMITS__REQUESTS_PER_SECOND="0.01", LIMITS__BURST="3", LIMITS__UNKNOWN_PER_SECOND="0.01",
        LIMITS__UNKNOWN_BURST="2",
    )  # fmt: skip


async def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path, pool: Pool) -> None:
    """A problem of its own kind with Retry-After; another caller is not concerned, nor is the same one who posts."""
    hub = slow(tmp_path, pool)
    one, other = hub.as_caller(Role.OPERATIONS), hub.as_caller(Role.DUO)
    replies = [await one.get("/v1/services") for _ in range(8)]
    assert [reply.status for reply in replies[:3]] == [200] * 3
    refused = replies[-1]
    assert (refused.status, refused.headers["content-type"]) == (429, "application/problem+json")
    assert 1 <= int(refused.headers["retry-after"]) <= 100
    assert refused.json["type"].endswith("/problems/too-many-requests")
    assert (refused.json["status"], refused.json["code"]) == (429, "too_many_requests")
    assert refused.headers["api-version"]
    assert (await one.post("/v1/systems", {}, headers={"Idempotency-Key": "x"})).status == 429
    assert (await other.get("/v1/services")).status == 200


async def test_who_is_not_known_is_counted_by_address(tmp_path: Path, pool: Pool) -> None:
    """Without a token, and with one that is not believed; health and metrics are always answered."""
    hub = slow(tmp_path, pool)
    wrong = {"Authorization": "Bearer nonsense"}
    statuses = [(await hub.get("/v1/services", headers=wrong)).status for _ in range(6)]
    assert (statuses[:2], statuses[-1]) == ([401, 401], 429)
    assert (await hub.get("/v1/openapi.json")).status == 429
    assert {(await hub.get("/health/live")).status for _ in range(10)} == {200}
    assert {(await hub.get("/metrics")).status for _ in range(3)} == {200}
    assert (await hub.as_caller(Role.DUO).get("/v1/services")).status == 200


async def test_by_default_a_busy_caller_meets_no_limit(tmp_path: Path, pool: Pool) -> None:
    """Two thousand calls as fast as they go."""
    duo = client_of(tmp_path, pool).as_caller(Role.DUO)
    assert {(await duo.get("/v1/nothing")).status for _ in range(2000)} == {404}
