"""A ledger after years: its rate beside an empty one, and what pages, lists, scrapes, the check and retention take."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from pyreqwest.client import ClientBuilder

from tests.bench.figures import Figure, milliseconds, quantile, rate
from tests.bench.grow import Growth, grow
from tests.bench.resources import cpu
from tests.bench.scenarios.sustained import race

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyreqwest.response import Response

    from tests.bench.world import World

DELIVERIES: Final = 1_000_000
SCHOOLS: Final = 25_000
"""Each has four lanes: 100,000 in all."""
RACING: Final = 2000
EACH: Final = 10
RACES: Final = 3
RATE: Final = "deliveries settled"
CPU: Final = "CPU s per 1,000"
DAYS: Final = 700
"""More than deliveries are kept, so that retention has something to do."""
ASKED: Final = 20
LISTS: Final = (
    "/deliveries", "/deliveries?status=rejected", "/deliveries?status=dead", "/deliveries?brin={brin}",
    "/deliveries?branch={brin}00",
    "/deliveries?from={day}", "/deliveries?serviceCode=RIO", "/lanes", "/events", "/mandates?brin={brin}",
    "/schools/{brin}/status", "/lag", "/destinations", "/subscriptions", "/parked", "/audit?brin={brin}",
)  # fmt: skip
METRICS: Final = "/metrics"
PAGES: Final = (
    "/console", "/console/destinations/duo:rio", "/console/schools/{brin}", "/console/deliveries",
    "/console/deliveries/{delivery}", "/console/audit", "/console/statement", "/mandaten", "/mandaten/{brin}",
    "/mandaten/{brin}/geschiedenis",
)  # fmt: skip
LOGIN: Final = "/login/token"
SEE_OTHER: Final = 303
FORM: Final = "application/x-www-form-urlencoded"


async def growth(world: World) -> list[Figure]:
    """Run the same load on an empty and on a grown ledger; then read it, check it, and thin it beside the load."""
    brins = await world.add_schools(RACING)
    oins = await world.add_systems(1, ["VVA"])
    await world.subscribe(oins[0], "/ok/growth")
    await world.start_lanes(brins, "VVA", oins)
    empty = await _races(world, brins)
    began = time.monotonic()
    await grow(world.c, Growth(deliveries=DELIVERIES, schools=SCHOOLS, days=DAYS), lambda _: None)
    figures = [_seconds("growing takes", time.monotonic() - began)]
    await _settle_down(world)
    first = await race(world, brins, EACH)
    full = await _races(world, brins)
    figures += _beside(empty, full, first)
    figures += [await _timed(world, path) for path in LISTS]
    figures.append(await _timed(world, METRICS))
    cookie = await _log_in(world)
    figures += [await _timed(world, path, cookie) for path in PAGES]
    began = time.monotonic()
    await world.stack.verify()
    figures.append(_seconds("verify takes", time.monotonic() - began))
    thinning = asyncio.create_task(world.stack.done("osr-hub", "retention"))
    beside = await _races(world, brins)
    assert not thinning.done(), "retention ended before the races beside it"
    await thinning
    behind = await _races(world, brins)
    return [*figures, _share("of its rate without, beside retention", _middle(beside, RATE) / _middle(behind, RATE))]


async def _races(world: World, brins: Sequence[str]) -> list[list[Figure]]:
    """Run the load some times: a machine's speed varies, so the middle one counts."""
    return [await race(world, brins, EACH) for _ in range(RACES)]


def _beside(empty: Sequence[list[Figure]], full: Sequence[list[Figure]], first: list[Figure]) -> list[Figure]:
    """Compare races; the first one after years fills the gaps of their pages, and logs each page that it touches."""
    before, after = ({what: _middle(races, what) for what in (RATE, CPU)} for races in (empty, full))
    return [
        rate("deliveries settled on the grown ledger", after[RATE]),
        _share("of the empty ledger's rate", after[RATE] / before[RATE]),
        _share("of the empty ledger's rate, right after a checkpoint", _middle([first], RATE) / before[RATE]),
        cpu("CPU s per 1,000 on the empty ledger", before[CPU]),
        cpu("CPU s per 1,000 on the grown ledger", after[CPU]),
    ]


async def _settle_down(world: World) -> None:
    """Do what the server would have done on the way: years of vacuum, and the checkpoints."""
    await world.c.execute("vacuum analyze")
    await world.admin.execute("checkpoint")


async def _timed(world: World, path: str, cookie: str | None = None) -> Figure:
    """Ask for something as often as gives a quantile; a page by the cookie of a login."""
    brin = await world.c.fetchval("select brin from lanes order by brin desc limit 1")
    delivery = await world.c.fetchval("select id from deliveries where brin = $1 limit 1", brin)
    day = await world.c.fetchval("select to_char(now() - interval '1 day', 'YYYY-MM-DD\"T\"00:00:00\"Z\"')")
    asked = path.format(brin=brin, day=day, delivery=delivery)
    base = _address(world) if path == METRICS or cookie else f"{_address(world)}/v1"
    token = world.stack.connection["tokens"]["operations"]
    spent = []
    for _ in range(ASKED):
        began = time.monotonic()
        request = world.stack.client.get(f"{base}{asked}")
        response = await (request.header("cookie", cookie) if cookie else request.bearer_auth(token)).build().send()
        await response.bytes()
        assert response.status == 200, (asked, response.status)
        spent.append(time.monotonic() - began)
    return milliseconds(f"{path}, p95", quantile(spent, 0.95) * 1000)


async def _log_in(world: World) -> str:
    """Return the cookie of an operator who logged in by the form for tokens."""
    async with ClientBuilder().follow_redirects(enable=False).build() as client:
        body = urlencode({"token": world.stack.connection["tokens"]["operations"], "next": ""})
        request = client.post(f"{_address(world)}{LOGIN}").header("content-type", FORM).body_bytes(body.encode())
        answer = await request.build().send()
        assert answer.status == SEE_OTHER, answer.status
        return _cookies(answer)


def _cookies(answer: Response) -> str:
    return "; ".join(cookie.partition(";")[0] for cookie in answer.headers.getall("set-cookie"))


def _address(world: World) -> str:
    address: str = world.stack.connection["api"]
    return address.removesuffix("/v1")


def _middle(races: Sequence[list[Figure]], what: str) -> float:
    return median(one.value for figures in races for one in figures if one.what == what)


def _share(what: str, value: float) -> Figure:
    return Figure(what=what, value=value, unit="x", better="higher")


def _seconds(what: str, value: float) -> Figure:
    return Figure(what=what, value=value, unit="s", better="lower")
