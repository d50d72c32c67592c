"""What one operator may do alone in 24 hours: acts of a kind count together, one by one and in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.clock import now
from hub.store import reports
from tests.support.api.populated_api import PARKED
from tests.support.api.school_calls import ONE, OTHER, mandate_request, open_hub
from tests.support.lanes.ledger_states import plan_all
from tests.support.servers.commands import osr_hub

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.pool import Pool
    from tests.support.api.client import Client

WORDS = {"reason": "sent by mistake"}


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> Client:
    """Give a hub with five deliveries that wait, in which one operator may do two things alone."""
    hub = await open_hub(pool, tmp_path, OPERATIONS__FOUR_EYES_ABOVE="2")
    schools = hub.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    for brin in ("18DS", "00AA"):
        for service in ("RIO", "VVA"):
            assert (await schools.post("/v1/mandates", mandate_request(brin=brin, serviceCode=service))).status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    return hub


@pytest.fixture
def ann(hub: Client) -> Client:
    """Be an operator."""
    return hub.as_caller(Role.OPERATIONS, oin=ONE)


@pytest.fixture
def bob(hub: Client) -> Client:
    """Be another operator."""
    return hub.as_caller(Role.OPERATIONS, oin=OTHER)


async def waiting(operator: Client) -> list[str]:
    """List the deliveries that wait."""
    found = (await operator.get("/v1/deliveries")).json["items"]
    return [each["id"] for each in found if each["status"] in ("waiting", "held")]


async def test_a_loop_of_single_cancellations_is_one_bulk(ann: Client, bob: Client, pool: Pool) -> None:
    """After two the third needs another person, alone or in bulk; a day later it is the person's own again."""
    one, two, three, four = await waiting(ann)
    for each in (one, two):
        assert (await ann.post(f"/v1/deliveries/{each}/cancellation", WORDS)).status == 200
    refused = await ann.post(f"/v1/deliveries/{three}/cancellation", WORDS)
    dry = await ann.post("/v1/cancellations", {"deliveryIds": [three], "dryRun": True})
    job = await ann.post("/v1/cancellations", {"deliveryIds": [three], **WORDS})

    assert (refused.status, refused.json["code"]) == (409, "needs_approval")
    assert "2 were done by you" in refused.json["detail"]
    assert "has begun 2 deliveries alone" in dry.json["whyApproval"]
    assert (job.status, job.json["state"]) == (202, "awaiting_approval")
    assert await waiting(ann) == [three, four]
    assert (await bob.post(f"/v1/deliveries/{three}/cancellation", WORDS)).status == 200
    await pool.execute("update single_acts set at = at - interval '24 hours'")
    assert (await ann.post(f"/v1/deliveries/{four}/cancellation", WORDS)).status == 200


async def test_a_bulk_counts_for_single_cancellations_and_what_failed_for_nothing(ann: Client) -> None:
    """What an operator began in bulk leaves less to do one by one; a refused act uses nothing up."""
    one, two, three, _ = await waiting(ann)
    assert (await ann.post("/v1/cancellations", {"deliveryIds": [one], **WORDS})).json["state"] == "running"
    assert (await ann.post(f"/v1/deliveries/{ONE}/cancellation", WORDS)).status == 400
    for _ in range(3):
        missing = "019ab0f2-7d1c-7c3e-8a55-0f2b1c3d4e5f"
        assert (await ann.post(f"/v1/deliveries/{missing}/cancellation", WORDS)).status == 404

    assert (await ann.post(f"/v1/deliveries/{two}/cancellation", WORDS)).status == 200
    assert (await ann.post(f"/v1/deliveries/{three}/cancellation", WORDS)).status == 409


@pytest.mark.parametrize("button", ["discard", "retry"])
async def test_parked_records_have_their_own_count(ann: Client, bob: Client, pool: Pool, button: str) -> None:
    """Discards and retries count each for itself; another operator goes on."""
    [delivery, *_] = await waiting(ann)
    report = {"deliveryId": delivery, "status": "in_progress", "reportedAt": "2026-11-23T10:00:00Z"}
    event = {"specversion": "1.0", "id": "1", "source": "duo", "type": "nl.osr.report.v1", "data": report}
    async with pool.acquire() as c:
        for offset in range(3):
            await reports.park_record(
                c, PARKED | {"offset": offset, "bytes": orjson.dumps(event), "received_at": now()}
            )
    one, two, three = [each["id"] for each in (await ann.get("/v1/parked")).json["items"]]
    for each in (one, two):
        assert (await ann.post(f"/v1/parked/{each}/{button}", WORDS)).status == 200
    refused = await ann.post(f"/v1/parked/{three}/{button}", WORDS)

    assert (refused.status, refused.json["code"]) == (409, "needs_approval")
    assert (await ann.post(f"/v1/deliveries/{delivery}/cancellation", WORDS)).status in (200, 409)
    assert (await bob.post(f"/v1/parked/{three}/{button}", WORDS)).status == 200


async def test_on_the_command_line_a_token_says_who_acts(
    ann: Client, database: str, tmp_path: Path, pool: Pool
) -> None:
    """Commands count for the person of the token, in a file or in OSR_HUB_TOKEN, and the audit names that person."""
    keyfile = tmp_path / "key.json"
    ensure_keyfile(keyfile)
    settings = {"OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(keyfile), "OSR_HUB_OPERATIONS__FOUR_EYES_ABOVE": "2"}
    caller = Caller(subject="carla", roles=frozenset({Role.OPERATIONS}))
    token = issue(keyfile, caller, now=now())
    (tmp_path / "token").write_text(token)
    one, two, three, four = await waiting(ann)
    by_file = ("--token-file", str(tmp_path / "token"), "--reason", "x")
    assert (await osr_hub(database, "cancel", one, *by_file, **settings))[0] == 0
    named = settings | {"OSR_HUB_TOKEN": token}
    assert (await osr_hub(database, "cancel", two, "--reason", "x", **named))[0] == 0
    code, _, failed = await osr_hub(database, "cancel", three, "--reason", "x", **named)
    assert (code, "let another operator do it" in failed) == (2, True)
    assert (await osr_hub(database, "cancel", four, "--reason", "x", **settings))[0] == 0

    people = {
        row["id"]: row["subject"] for row in await pool.fetch("select pseudonym::text as id, subject from people")
    }
    rows = await pool.fetch("select actor from audit where action = 'delivery.cancelled' order by id")
    assert [people.get(row["actor"], row["actor"]) for row in rows] == ["carla", "carla", "osr-hub command line"]
