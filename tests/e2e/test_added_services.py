"""Services that are added while everything runs: one of DUO and one of systems, and nothing is restarted."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import accept_all, events_in, messages
from tests.support.register.stack_register import BOARDS, TEST_LAS
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.servers.stacks import RunningStack

BRIN: Final = "18DS"
BUSY: Final = "13JQ"
DONE: Final = ("processed", "processed_with_signal", "rejected")
QUEUE: Final = "duo.rod-vo.v1"


@asynccontextmanager
async def traffic(stack: RunningStack, token: str) -> AsyncIterator[list[int]]:
    """Change a mandate again and again, and count how often."""
    body = {"brin": BUSY, "serviceCode": "RIO", "supplierOin": TEST_LAS, "endDate": "2031-07-31"}
    path = f"/mandates/{(await stack.call('POST', '/mandates', body, token=token))['id']}"
    versions = [1]

    async def change() -> None:
        while True:
            end = {"endDate": f"203{versions[-1] % 2}-07-30"}
            made = await stack.call("PATCH", path, end, token=token, etag=f'"{versions[-1]}"')
            versions.append(made["version"])

    task = asyncio.create_task(change())
    try:
        yield versions
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def grant(stack: RunningStack, service: str, token: str) -> dict[str, Any]:
    """Grant 18DS a mandate for a service."""
    body = {"brin": BRIN, "serviceCode": service, "supplierOin": TEST_LAS}
    made: dict[str, Any] = await stack.call("POST", "/mandates", body, token=token)
    return made


async def wait_for_cell(stack: RunningStack, service: str, *statuses: str) -> dict[str, Any]:
    """Wait until a branch shows one of these statuses for a service, and return its cell."""
    found: list[dict[str, Any]] = []

    async def shown() -> bool:
        status = await stack.call("GET", f"/schools/{BRIN}/status")
        found[:] = [cell for cell in status["branches"][0]["cells"] if cell["serviceCode"] == service]
        return bool(found) and found[0]["status"] in statuses

    await until(shown, f"{service} shown as {' or '.join(statuses)}")
    return found[0]


async def test_services_are_added_while_traffic_runs(stack: RunningStack) -> None:
    """The first mandate of each arrives, and the answer comes back; every process is still the one that it was."""
    token = await stack.token("OSR-toegang", *(word for board in BOARDS for word in ("--bge", board)))
    before = stack.connection["processes"]
    async with traffic(stack, token) as versions:
        await until_changed(versions)
        made = await stack.call("POST", "/services", {"serviceCode": "ROD_VO", "shownAs": "ROD vo", "kind": "duo"})
        assert (made["topic"], made["destination"], made["warnings"]) == (QUEUE, "duo:rod-vo", [])
        words = ("--shown-as", "Deelname", "--kind", "las", "--reason", "proef")
        said = await stack.done("osr-hub", "services", "add", "DEELNAME", *words)
        assert "the webhooks of systems" in said
        offers = ["BRON_PO", "VERZUIM", "RIO", "VVA", "ROD_VO", "DEELNAME"]
        system = {"supplierOin": TEST_LAS, "systemName": "Getuige", "serviceCodes": offers}
        assert (await stack.call("POST", "/systems", system))["serviceCodes"] == sorted(offers)
        mandate = await grant(stack, "ROD_VO", token)
        cell = await wait_for_cell(stack, "ROD_VO", *DONE)
        assert (cell["destination"], cell["hops"]["processingSeconds"] >= 0) == ("duo:rod-vo", True)
        (event,) = events_in(await stack.read_topic(QUEUE))
        assert (event["id"], event["data"]["mandateId"]) == (cell["deliveryId"], mandate["id"])
        await a_system_answers(stack, token)
        await until_changed(versions)
    assert stack.connection["processes"] == before
    await everybody_knows(stack)


async def until_changed(versions: list[int]) -> None:
    """Wait until the traffic has made two more changes."""
    last = versions[-1]

    async def changed() -> bool:
        return versions[-1] > last + 1

    await until(changed, "traffic")


async def a_system_answers(stack: RunningStack, token: str) -> None:
    """Let a system that subscribes get the mandate for the new service of systems, and report on it."""
    las = await stack.token("las", "--oin", TEST_LAS)
    async with receiver(accept_all) as its_receiver:
        await stack.call("POST", "/subscriptions", {"url": its_receiver.url, "services": ["DEELNAME"]}, token=las)
        await grant(stack, "DEELNAME", token)
        cell = await wait_for_cell(stack, "DEELNAME", "delivered")
        (message,) = [each for each in messages(its_receiver.got, BRIN) if each["id"] == cell["deliveryId"]]
        assert message["data"]["serviceCode"] == "DEELNAME"
        report = {"status": "activated", "reportedAt": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        await stack.call("POST", f"/deliveries/{cell['deliveryId']}/reports", report, token=las)
        assert (await wait_for_cell(stack, "DEELNAME", "activated"))["destination"] == f"las:{TEST_LAS}"


async def everybody_knows(stack: RunningStack) -> None:
    """Lag, metrics, a replay, the topics, the doctor and the books have the new services too."""
    lag = {each["destination"]: each for each in (await stack.call("GET", "/lag"))["destinations"]}
    assert (lag["duo:rod-vo"]["services"], lag["duo:rod-vo"]["state"]) == (["ROD_VO"], "open")
    assert "DEELNAME" in lag[f"las:{TEST_LAS}"]["services"]
    operations = stack.connection["tokens"]["operations"]
    scraped = await stack.client.get(stack.connection["metrics"]).bearer_auth(operations).build().send()
    assert b'destination="duo:rod-vo"' in bytes(await scraped.bytes())
    replay = await stack.call(
        "POST", "/replays", {"destination": "duo:rod-vo", "dryRun": True, "ratePerSecond": 50, "reason": "proef"}
    )
    assert replay["matched"] == 1
    assert "all topics are as they should be" in await stack.done("osr-hub", "topics")
    doctor = await stack.run("osr-hub", "doctor")
    assert "duo:rod-vo" in doctor.out
    listed = await stack.done("osr-hub", "services", "list")
    assert "ROD vo" in listed
    assert QUEUE in listed
    assert "Getuige" in await stack.done("osr-hub", "systems", "list")
    assert (await stack.verify())["ok"]
