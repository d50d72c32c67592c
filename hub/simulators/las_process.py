"""The process of a simulated LAS. In: its address and behaviour. Out: a subscription, a server, reports."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from pyreqwest.exceptions import PyreqwestError

from hub.outbound.reqwest import open_api_client
from hub.simulators.http import serve_http
from hub.simulators.hub import HubApiError, HubClient, LasSubscription, subscribe
from hub.simulators.las import LasMode, SimulatedLas
from hub.simulators.reports import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.simulators.las_faults import LasFault

HUB_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 5.0
MAX_LOOKS: Final = 8
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LasAddress:
    """Where a simulated LAS is: its own address, the hub's, and the folder that it keeps its secret in.

    `url` is what the hub is to call, where that is not simply this host and port.
    """

    host: str
    port: int
    url: str | None
    hub: str
    token: Callable[[], str]
    state_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LasBehaviour:
    """The OIN of a simulated LAS, and how it behaves: `delay` in seconds until it reports, if it reports at all.

    With a `secret` it stands alone: it subscribes nowhere, and takes what is signed by that.
    """

    oin: str
    mode: LasMode
    delay: float
    reports: bool
    faults: tuple[LasFault, ...] = ()
    secret: bytes | None = None


async def run(address: LasAddress, behaviour: LasBehaviour, stop: asyncio.Event) -> None:
    """Serve, subscribe and report until told to stop."""
    reporter = Reporter(behaviour.delay)
    las = _make_las(behaviour, reporter)
    if behaviour.secret is not None:
        await _run_alone(las, address, stop)
        return
    calling = open_api_client(address.hub, timedelta(seconds=HUB_SECONDS))
    async with serve_http(las.answer, address.host, address.port) as port, calling as client:
        url = address.url or f"http://{address.host}:{port}/hook"
        log.info("las.listening", url=url, mode=behaviour.mode.value)
        hub, subscription = (
            HubClient(client, address.hub, address.token),
            LasSubscription(behaviour.oin, url, behaviour.reports),
        )
        work = asyncio.create_task(
            _run_las(las, hub, reporter, subscription, address.state_dir / f"las-{behaviour.oin}.json")
        )
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait((work, ended), return_when=asyncio.FIRST_COMPLETED)
        for task in (work, ended):
            task.cancel()
        await asyncio.gather(work, ended, return_exceptions=True)
    if not stop.is_set():
        await work


def _make_las(behaviour: LasBehaviour, reporter: Reporter) -> SimulatedLas:
    is_reporting = behaviour.reports and behaviour.secret is None
    taken = reporter.add_message if is_reporting else lambda _: None
    las = SimulatedLas(behaviour.mode, taken, lambda: len(reporter), behaviour.faults)
    las.mailbox.duo_services = reporter.duo_services
    las.secrets = () if behaviour.secret is None else (behaviour.secret,)
    return las


async def _run_alone(las: SimulatedLas, address: LasAddress, stop: asyncio.Event) -> None:
    async with serve_http(las.answer, address.host, address.port) as port:
        log.info("las.listening", url=f"http://{address.host}:{port}/hook", mode=las.mode.value)
        await stop.wait()


async def _run_las(
    las: SimulatedLas, hub: HubClient, reporter: Reporter, subscription: LasSubscription, state: Path
) -> None:
    las.secrets = (await subscribe(hub, subscription, state),)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(reporter.work(hub.report))
        tasks.create_task(_watch_hub(las, hub))
        if subscription.reports:
            tasks.create_task(_report_missed(hub, reporter, subscription.oin))


async def _report_missed(hub: HubClient, reporter: Reporter, oin: str) -> None:
    """Report also on messages that an earlier process took and did not report on.

    The hub may record the last of them a little later, so it is asked a few times: a message that waits at two looks in
    a row, while nothing is due here, was taken by an earlier process.
    """
    before: set[str] | None = None
    for _ in range(MAX_LOOKS):
        try:
            found = await hub.unreported(oin)
        except (PyreqwestError, HubApiError) as error:
            log.debug("las.unreported_unknown", error=str(error))
        else:
            owed = found if before is None else [one for one in found if one in before and not len(reporter)]
            for message in owed:
                reporter.schedule(message)
            before = set(found)
        await asyncio.sleep(LOOK_SECONDS)


async def _watch_hub(las: SimulatedLas, hub: HubClient) -> None:
    """Know the keys by which the hub signs, and the services that it has."""
    while True:
        try:
            las.public_keys = await hub.public_keys()
            las.mailbox.duo_services.codes = frozenset(await hub.services("duo"))
        except (PyreqwestError, HubApiError) as error:
            log.debug("las.keys_unknown", error=str(error))  # the secret's signature is checked all the same
        await asyncio.sleep(LOOK_SECONDS)
