"""Each alert fired and resolved once: a real Prometheus scrapes a hub whose ledger gets into that state and out again.

The rules are those that are deployed, made hasty. The queries of the dashboard run there too.
"""

from __future__ import annotations

import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from hub.access import Role
from hub.clock import now
from hub.domain.delivery import Status
from hub.store import reports, tallies
from hub.store.meters import Meters
from schemas.identifiers import Oin
from tests.support.api.client import Client, client_of
from tests.support.api.populated_api import PARKED, serve_app
from tests.support.api.school_calls import ONE, OTHER, day, fill_register, mandate_request
from tests.support.lanes.ledger_states import fail, plan_all, publish, report, take
from tests.support.observing.prometheus import DEPLOY, Monitoring, alert_names, hasty_rules, prometheus
from tests.support.register.subscriptions import subscribed
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Connection, Pool

pytestmark = pytest.mark.prometheus
QUEUE, LAS, COPIES = "duo:rio", f"las:{ONE}", f"las-copy:{ONE}"
UNSEEN: Final = "OsrHubUnseen"
OF_WORKERS: Final = {"OsrHubProcessStuck", "OsrHubUnread"}
"""No worker runs here; `tests/flow/test_stuck_rehearsed.py` stops each."""
DASHBOARD: Final = json.loads((DEPLOY / "dashboard.json").read_text())
QUERIES: Final = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@asynccontextmanager
async def _scraped(client: Client, folder: Path, listening: socket.socket) -> AsyncIterator[Monitoring]:
    """Serve a hub, and let a Prometheus scrape it."""
    port = listening.getsockname()[1]
    async with serve_app(client.app, listening), prometheus(folder, f"127.0.0.1:{port}", hasty_rules()) as it:
        yield it


async def _until_scraped(it: Monitoring) -> None:
    """Wait until the numbers of before are there, from which counters are seen to rise."""

    async def scraped() -> bool:
        return bool(await it.query("count_over_time(osr_hub_unplanned_events[20s]) > 3"))

    await until(scraped, "some scrapes")


async def _until_firing(it: Monitoring, wanted: set[str]) -> None:
    async def reached() -> bool:
        return await it.firing() - OF_WORKERS == wanted

    try:
        await until(reached, "the alerts")
    except AssertionError:
        pytest.fail(f"firing and not wanted, or the reverse: {sorted(await it.firing() ^ wanted)}")


async def _until_fired(it: Monitoring, wanted: set[str]) -> None:
    """Wait until each has fired; those about the last seconds go again by themselves."""
    seen: set[str] = set()

    async def reached() -> bool:
        seen.update(await it.firing() - OF_WORKERS)
        return seen >= wanted

    try:
        await until(reached, "the alerts")
    except AssertionError:
        pytest.fail(f"never fired: {sorted(wanted - seen)}")
    assert seen == wanted


async def _begin(c: Connection, client: Client) -> dict[str, Any]:
    """Let everything be well: two mandates taken and reported on, each kind of number there."""
    await fill_register(c)
    await subscribed(c, Oin(ONE), url="http://127.0.0.1:1/hook", services=("VVA", "RIO"), processing_results=False)
    school = client.as_caller(Role.SCHOOL, brins=["18DS", "00AA"])
    made = {
        service: (await school.post("/v1/mandates", mandate_request(serviceCode=service))).json["id"]
        for service in ("VVA", "RIO")
    }
    await plan_all(c)
    await publish(c)
    await _take_all(c)
    meters = Meters()
    for hop in ("publish", "plan", "transport", "processing"):
        meters.observe(await _id(c, LAS), hop, 0.01)
    await meters.flush(c, 0)
    return {"school": school, **made}


async def _id(c: Connection, name: str) -> int:
    return int(await c.fetchval("select id from destinations where name = $1", name))


async def _take_all(c: Connection) -> None:
    """Let all destinations take what waits, and report on all that was taken."""
    await c.execute("update lanes set due = now() where tail > head and owner is null")
    await take(c, QUEUE, LAS, COPIES, f"las:{OTHER}")
    for row in await c.fetch("select id, destination from deliveries where status = 'delivered' and expects_report"):
        status = "processed" if row["destination"] == await _id(c, QUEUE) else "activated"
        await report(c, str(row["id"]), status)


async def _break(c: Connection, begun: dict[str, Any]) -> None:
    """Get into every state that an alert is about."""
    school, pages = begun["school"], ("VVA", "RIO")
    for service in pages:  # taken, and never reported on
        await _amend(school, begun[service], 400)
    await plan_all(c)
    await take(c, QUEUE, LAS)
    for service in pages:  # tried in vain; the copies are not tried at all
        await _amend(school, begun[service], 401)
    await school.post("/v1/mandates", mandate_request(brin="00AA", supplierOin=OTHER))
    await plan_all(c)
    await fail(c, QUEUE, LAS)
    await _amend(school, begun["RIO"], 402)  # neither planned nor published
    await c.execute("update destinations set objective_transport = 1, objective_processing = 1, objective_share = 0.95")
    await c.execute(
        "update destinations set circuit = 'open', circuit_since = now(), circuit_cause = 'unreachable'"
        " where name = $1",
        QUEUE,
    )
    await reports.park_record(c, {**PARKED, "received_at": now()})
    queue, las = await _id(c, QUEUE), await _id(c, LAS)
    await tallies.add(c, 0, {(queue, Status.DEAD, True): 1, (queue, Status.REJECTED, True): 30})
    await _measure(c, queue, las)


async def _measure(c: Connection, queue: int, las: int) -> None:
    meters = Meters()
    for _ in range(40):
        meters.observe(queue, "transport", 100.0)
        meters.observe(las, "transport", 100.0)
    meters.count("attempts", las, "refused")
    meters.count("attempts", las, "gone")
    meters.count("stranded", 0, "")
    await meters.flush(c, 0)


async def _amend(school: Client, mandate: str, days: int) -> None:
    version = (await school.get(f"/v1/mandates/{mandate}")).headers["etag"]
    answer = await school.call(
        "PATCH", f"/v1/mandates/{mandate}", {"endDate": day(days)}, headers={"If-Match": version}
    )
    assert answer.status == 200, answer.body


async def _mend(c: Connection) -> None:
    """Undo all of it, as an operator would; what happened stays counted."""
    await c.execute(
        "update destinations set circuit = 'closed', circuit_since = null, circuit_cause = null,"
        " objective_transport = null, objective_processing = null, objective_share = null"
    )
    await c.execute("update parked_records set state = 'discarded'")
    await plan_all(c)
    await publish(c)
    await subscribed(c, Oin(OTHER), url="http://127.0.0.1:1/hook", services=("VVA",), processing_results=False)
    await _take_all(c)


async def test_each_alert_fires_and_resolves(pool: Pool, tmp_path: Path) -> None:
    """Quiet, then all of them, then quiet, then a hub that is not there, then quiet."""
    client = client_of(tmp_path, pool)
    async with pool.acquire() as c:
        begun = await _begin(c, client)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            address = listening.getsockname()
            async with _scraped(client, tmp_path, listening.dup()) as it:
                await _until_scraped(it)
                await _until_firing(it, set())
                await _break(c, begun)
                await _until_fired(it, set(alert_names()) - {UNSEEN} - OF_WORKERS)
                await _mend(c)
                await _until_firing(it, set())
        (tmp_path / "later").mkdir()  # the numbers of before stay known for five minutes
        async with prometheus(tmp_path / "later", f"127.0.0.1:{address[1]}", hasty_rules()) as it:
            await _until_firing(it, {UNSEEN})
            with socket.create_server(address) as listening:
                async with serve_app(client.app, listening):
                    await _until_firing(it, set())


async def test_the_dashboard_shows_series(pool: Pool, tmp_path: Path) -> None:
    """Each of its queries is run by the real Prometheus, and returns something."""
    client = client_of(tmp_path, pool)
    async with pool.acquire() as c:
        begun = await _begin(c, client)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            async with _scraped(client, tmp_path, listening.dup()) as it:
                await _until_scraped(it)
                await _until_firing(it, set())
                await _break(c, begun)

                async def complete() -> bool:
                    return all([await it.query(expression) for expression in QUERIES])

                try:
                    await until(complete, "a series of each query")
                except AssertionError:
                    empty = [expression for expression in QUERIES if not await it.query(expression)]
                    pytest.fail(f"without a series: {empty}")
    assert len(QUERIES) > 10
