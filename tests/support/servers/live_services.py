"""Add services to a running stack, under traffic, for a supplier of their own; wait for what comes of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import accept_all, messages
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.servers.stacks import RunningStack

SUPPLIER: Final = "00000099000000008000"
SCHOOL: Final = "11OA"
BUSY_SCHOOL: Final = "14QC"
PAUSE_SECONDS: Final = 0.25
"""Between changes: a school may be changed a thousand times an hour, however long a test takes."""
OFFERED: Final = ["DEELNAME", "RIO", "ROD_VO"]


@asynccontextmanager
async def traffic(stack: RunningStack, token: str) -> AsyncIterator[list[int]]:
    """Change a mandate again and again, and collect its versions."""
    body = {"brin": BUSY_SCHOOL, "serviceCode": "RIO", "supplierOin": SUPPLIER, "endDate": "2031-07-31"}
    path = f"/mandates/{(await stack.call('POST', '/mandates', body, token=token))['id']}"
    versions = [1]

    async def change() -> None:
        while True:
            end = {"endDate": f"203{versions[-1] % 2}-07-30"}
            made = await stack.call("PATCH", path, end, token=token, etag=f'"{versions[-1]}"')
            versions.append(made["version"])
            await asyncio.sleep(PAUSE_SECONDS)

    task = asyncio.create_task(change())
    try:
        yield versions
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_changed(versions: list[int]) -> None:
    """Wait until the traffic has made two more changes."""
    last = versions[-1]

    async def changed() -> bool:
        return versions[-1] > last + 1

    await until(changed, "traffic", look=0.02)


async def register_system(stack: RunningStack, *services: str) -> None:
    """Register the supplier's system with these services."""
    body = {"supplierOin": SUPPLIER, "systemName": "Nieuw", "serviceCodes": list(services)}
    assert (await stack.call("POST", "/systems", body))["serviceCodes"] == sorted(services)


async def grant(stack: RunningStack, service: str, token: str) -> dict[str, Any]:
    """Grant the school a mandate for a service."""
    body = {"brin": SCHOOL, "serviceCode": service, "supplierOin": SUPPLIER}
    made: dict[str, Any] = await stack.call("POST", "/mandates", body, token=token)
    return made


async def cell_with(stack: RunningStack, service: str, *statuses: str) -> dict[str, Any]:
    """Wait until the school shows one of these statuses for a service, and return its cell."""
    found: list[dict[str, Any]] = []

    async def shown() -> bool:
        status = await stack.call("GET", f"/schools/{SCHOOL}/status")
        found[:] = [cell for cell in status["branches"][0]["cells"] if cell["serviceCode"] == service]
        return bool(found) and found[0]["status"] in statuses

    await until(shown, f"{service} shown as {' or '.join(statuses)}")
    return found[0]


async def answer_as_system(stack: RunningStack, service: str, token: str) -> dict[str, Any]:
    """Subscribe, take the first mandate for a service of systems, report on it, and return its cell."""
    las = await stack.token("las", "--oin", SUPPLIER)
    async with receiver(accept_all) as its_receiver:
        await stack.call("POST", "/subscriptions", {"url": its_receiver.url, "services": [service]}, token=las)
        await grant(stack, service, token)
        delivered = await cell_with(stack, service, "delivered")
        (message,) = [each for each in messages(its_receiver.got, SCHOOL) if each["id"] == delivered["deliveryId"]]
        assert message["data"]["serviceCode"] == service
        report = {"status": "activated", "reportedAt": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        await stack.call("POST", f"/deliveries/{delivered['deliveryId']}/reports", report, token=las)
        return await cell_with(stack, service, "activated")


async def metrics(stack: RunningStack) -> str:
    """Return what the hub's metrics say."""
    request = stack.client.get(stack.connection["metrics"]).bearer_auth(stack.connection["tokens"]["operations"])
    return bytes(await (await request.build().send()).bytes()).decode()
