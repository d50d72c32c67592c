"""What this machine gives the way in at most: the same round trips and the same commit, by a call that decides nothing.

In: a running stack at rest. Out: its figures, to be set beside those of the hub in the same run.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from tests.bench.figures import latencies, rate
from tests.bench.resources import cpu, read_usage
from tests.bench.rivals import way_in_floor
from tests.support.servers.ports import free_port
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.figures import Figure
    from tests.bench.world import World

ALONE: Final = 300
CALLERS: Final = 16
EACH: Final = 125
WARM_UP: Final = 32
NAME: Final = "floor"
CALLS: Final = 1 + WARM_UP + ALONE + CALLERS * EACH
CREATED: Final = 201
BODY: Final = b'{"brin": "18DS", "serviceCode": "VVA", "supplierOin": "00000099000000001000"}'


async def floor(world: World) -> list[Figure]:
    """Measure the floor with one caller and with sixteen."""
    dsn = f"{world.stack.connection['databaseDsn'].rpartition('/')[0]}/{NAME}"
    await world.admin.execute(f"drop database if exists {NAME} with (force)")
    await world.admin.execute(f"create database {NAME} owner osr_hub")
    await way_in_floor.prepare(dsn, CALLS)
    port = free_port()
    await world.start(NAME, "-m", "tests.bench.rivals.way_in_floor", dsn, str(port))
    url = f"http://127.0.0.1:{port}/calls"
    await until(lambda: _answers(world, url), "the floor answers", within=60)
    calls = iter(range(1, CALLS))
    await _run(world, url, calls, WARM_UP)
    figures = []
    for callers, each in ((1, ALONE), (CALLERS, EACH)):
        before = await read_usage(world, with_fsyncs=False)
        began = time.monotonic()
        runs = await asyncio.gather(*(_run(world, url, calls, each) for _ in range(callers)))
        took, after = time.monotonic() - began, await read_usage(world, with_fsyncs=False)
        name = f"the floor, {callers} caller{'s' if callers > 1 else ''}"
        spent = {one: (after.cpu[one] - before.cpu[one]) / (callers * each) * 1000 for one in (NAME, "postgres")}
        figures += [
            rate(f"{name}: calls answered", callers * each / took),
            *latencies(f"{name}: answer", [seconds for run in runs for seconds in run], (0.5,)),
            cpu(f"{name}: CPU s per 1,000", sum(spent.values())),
            *(cpu(f"{name}: CPU s per 1,000: {one}", seconds) for one, seconds in spent.items()),
        ]
    return figures


async def _answers(world: World, url: str) -> bool:
    try:
        await _post(world, url, 0)
    except Exception:  # noqa: BLE001 - whatever the client says while nobody listens
        return False
    return True


async def _run(world: World, url: str, calls: Iterator[int], each: int) -> list[float]:
    took = []
    for _ in range(each):
        began = time.monotonic()
        await _post(world, url, next(calls))
        took.append(time.monotonic() - began)
    return took


async def _post(world: World, url: str, nth: int) -> None:
    request = world.stack.client.post(f"{url}/{nth}").header("content-type", "application/json")
    response = await request.body_bytes(BODY).build().send()
    said = bytes(await response.bytes())
    assert response.status == CREATED, said
