"""The way in: `POST /v1/mandates` by one caller and by sixteen, and each call until its webhook."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import orjson

from hub.access import Role
from tests.bench.figures import Figure, latencies, rate
from tests.bench.resources import costs, read_usage
from tests.bench.scenarios.way_in_floor import floor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.identifiers import Oin
    from tests.bench.figures import Better
    from tests.bench.world import World

WARM_UP: Final = 25
"""Calls of each caller before the others: the broker's Java compiles its own code while it starts."""
ALONE: Final = 300
CALLERS: Final = 16
EACH: Final = 125
PACED: Final = 50
PACED_RATE: Final = 5
CREATED: Final = 201
COMPARED: Final[tuple[tuple[str, Better], ...]] = (
    ("calls answered", "higher"),
    ("answer, p50", "lower"),
    ("CPU s per 1,000", "lower"),
)
"""What the hub and the floor both have, and which way is better."""


async def way_in(world: World) -> list[Figure]:
    """Grants by HTTP, forwarding included; beside them the floor of this machine for the same job."""
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/way-in")
    api = world.stack.connection["api"]
    await together(world, oins[0], CALLERS, WARM_UP, [api])
    figures = []
    for callers, each in ((1, ALONE), (CALLERS, EACH)):
        figures += await together(world, oins[0], callers, each, [api])
    figures += await _paced(world, oins[0])
    return [*figures, *compare(figures, await floor(world))]


def compare(ours: Sequence[Figure], lowest: Sequence[Figure]) -> list[Figure]:
    """Return the floor, and how much of it the hub comes to."""
    values = {one.what: one.value for one in (*ours, *lowest)}
    shares = [
        Figure(what=f"{name}: {what}, the hub's to that of the floor", value=ratio, unit="x", better=better)
        for name in ("1 caller", f"{CALLERS} callers")
        for what, better in COMPARED
        if (ratio := values[f"{name}: {what}"] / values[f"the floor, {name}: {what}"])
    ]
    return [*lowest, *shares]


async def together(world: World, oin: Oin, callers: int, each: int, apis: Sequence[str]) -> list[Figure]:
    """Let callers grant mandates side by side, each to a process that serves in turn, one call after the other."""
    await world.arrivals()
    brins = await world.add_schools(callers * each, boards=callers)
    boards = await _boards(world, brins)
    before = await read_usage(world)
    began = time.monotonic()
    runs = await asyncio.gather(
        *(_grant(world, brins[at::callers], oin, boards[brins[at]], apis[at % len(apis)]) for at in range(callers))
    )
    took = time.monotonic() - began
    of_these = frozenset(brins)
    got = [one for one in await world.until_arrived(len(brins)) if one.brin in of_these]
    delivered = max(one.at for one in got) - min(started for run in runs for started, _ in run.values())
    started = {brin: moments for run in runs for brin, moments in run.items()}
    name = f"{callers} caller{'s' if callers > 1 else ''}{f', {len(apis)} serve' if len(apis) > 1 else ''}"
    return [
        rate(f"{name}: calls answered", len(brins) / took),
        rate(f"{name}: calls answered and delivered", len(brins) / delivered),
        *latencies(f"{name}: answer", [answered - at for at, answered in started.values()]),
        *latencies(f"{name}: call to webhook", [one.at - started[one.brin][0] for one in got], (0.5, 0.99)),
        *_named(name, costs(before, await read_usage(world), len(brins), of="call")),
    ]


async def _paced(world: World, oin: Oin) -> list[Figure]:
    brins = await world.add_schools(PACED)
    board = (await _boards(world, brins))[brins[0]]
    token, api = world.token(Role.SCHOOL, board=board), world.stack.connection["api"]
    intended: dict[str, float] = {}
    began, clock = time.time(), time.monotonic()
    for at, brin in enumerate(brins):
        await asyncio.sleep(max(0.0, clock + at / PACED_RATE - time.monotonic()))
        intended[brin] = began + at / PACED_RATE
        await _post(world, api, token, brin, oin)
    got = await world.until_arrived(PACED)
    return latencies(
        f"{PACED_RATE}/s: call to webhook", [one.at - intended[one.brin] for one in got], (0.5, 0.95, 0.99)
    )


async def _boards(world: World, brins: Sequence[str]) -> dict[str, str]:
    rows = await world.c.fetch("select brin, bge_code from schools where brin = any($1)", list(brins))
    return {row["brin"]: row["bge_code"] for row in rows}


async def _grant(world: World, brins: Sequence[str], oin: Oin, board: str, api: str) -> dict[str, tuple[float, float]]:
    token = world.token(Role.SCHOOL, board=board)
    moments = {}
    for brin in brins:
        began = time.time()
        await _post(world, api, token, brin, oin)
        moments[brin] = began, time.time()
    return moments


async def _post(world: World, api: str, token: str, brin: str, oin: Oin) -> None:
    body = orjson.dumps({"brin": brin, "serviceCode": "VVA", "supplierOin": oin})
    request = world.stack.client.post(f"{api}/mandates").bearer_auth(token).header("content-type", "application/json")
    response = await request.body_bytes(body).build().send()
    said = bytes(await response.bytes())
    assert response.status == CREATED, said


def _named(name: str, figures: Sequence[Figure]) -> list[Figure]:
    return [Figure(what=f"{name}: {one.what}", value=one.value, unit=one.unit, better=one.better) for one in figures]
