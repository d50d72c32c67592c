"""At every commit point the process is killed, exactly there, and started again: everything arrives, in order.

The table in `deploy/` is what this run saw. `OSR_HUB_TEST_WRITE_TABLE=1` writes it anew.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import TYPE_CHECKING, Final

import asyncpg
import pytest

from schemas.topics import TOPICS
from tests.support.faults.crash_points import (
    POINTS,
    TABLE,
    UNPLANNED,
    WAITING,
    CrashPoint,
    Outcome,
    points_in_code,
    write_table,
)
from tests.support.faults.crash_world import SETTLED, WHILE_DOWN, CrashWorld, repeated
from tests.support.faults.crashing import COMMANDED, HubProcesses
from tests.support.receivers.back_office import back_office
from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import accept_all
from tests.support.servers.databases import create_database, drop_database, dsn_of
from tests.support.servers.stacks import until
from tests.support.servers.topics import recreate_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.proof
SEEN: Final[dict[str, Outcome]] = {}
CAME_SECONDS: Final = 90.0


@pytest.fixture(scope="module")
async def world(
    postgres: str, template: str, kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CrashWorld]:
    """A small hub with all its processes running, a LAS that subscribed, and DUO's back office at work."""
    await recreate_topics(kafka, TOPICS)
    name = await create_database(postgres, template)
    dsn = dsn_of(postgres, name)
    c = await asyncpg.connect(dsn)
    processes = HubProcesses(database=dsn, bootstrap=kafka, logs=tmp_path_factory.mktemp("logs"))
    try:
        async with back_office(kafka) as office, receiver(accept_all) as las:
            it = CrashWorld(c=c, processes=processes, office=office, las=las)
            await it.set_up()
            yield it
    finally:
        await processes.kill_all()
        await c.close()
        await drop_database(postgres, name)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_a_process_that_dies_between_two_steps_costs_nothing(world: CrashWorld, point: CrashPoint) -> None:
    """It dies by signal 9 exactly there; then nothing is lost, order holds, and only what was in flight comes again."""
    before = await _come_to(world, point)
    wait_killed = await world.processes.wait_killed(point.stage)
    assert wait_killed == signal.SIGKILL, world.processes.tail(point.stage)
    await _stands_there(world, point, before)
    flying = await world.in_flight(point.watch)
    await _start_again(world, point)
    await world.until(f"not {WAITING} and not {UNPLANNED}", f"all is sent after {point.name}")
    world.office.is_silent = False
    await world.until(SETTLED, f"all is settled after {point.name}")

    async def everything_came() -> bool:
        return not await world.missing()

    await until(everything_came, f"everything came after {point.name}", within=CAME_SECONDS, look=0.02)
    await world.wait_until_read()
    again = await repeated(world, point, before)
    assert again <= flying
    await world.check()
    SEEN[point.name] = Outcome(signal=wait_killed, lost=await world.missing(), repeated=len(again))


async def _come_to(world: CrashWorld, point: CrashPoint) -> Counter[str]:
    """Take the stage away, give it something to do, let the others do theirs, and start it armed.

    Counts what had come before that to where the point is watched.
    """
    part = point.name.partition(".")[0]
    await world.processes.start_all()
    if part in ("calendar", "bulk"):
        await world.grant(point.service, point.schools)
        await world.until(SETTLED, "mandates that wait for their date, or are told again")
    down = "produce" if point.stage in COMMANDED else point.stage
    await world.processes.kill(down)
    before = Counter(await world.arrivals(point.watch))
    world.office.is_silent = point.stage == "forward"  # a report would prove that the message was taken
    if part == "calendar":
        await world.let_dates_come(point.schools)
    elif part == "bulk":
        await world.replay(point.schools)
    else:
        await world.grant(point.service, point.schools)
    await world.until(WHILE_DOWN[part], f"the others have done their part before {point.name}")
    if part == "reports":
        await until(lambda: _reported(world), "DUO has reported", within=CAME_SECONDS, look=0.02)
    if point.first:
        await world.processes.start(down, point.first)
        assert await world.processes.wait_killed(down) == signal.SIGKILL
    await world.processes.start(point.stage, f"{point.name}:{point.nth}")
    return before


async def _start_again(world: CrashWorld, point: CrashPoint) -> None:
    """Start the stage as it should be started; a command ends by itself, and well."""
    await world.processes.start(point.stage)
    if point.stage in COMMANDED:
        assert await world.processes.wait_killed(point.stage) == 0, world.processes.tail(point.stage)
        await world.processes.start_all()


async def _reported(world: CrashWorld) -> bool:
    return bool(world.office.reported >= await world.c.fetchval("select count(*) from deliveries where expects_report"))


async def _stands_there(world: CrashWorld, point: CrashPoint, before: Counter[str]) -> None:
    """See in the database, and at who watches, that it died exactly there."""
    assert await world.holds(point.left), f"after {point.name}: not ({point.left})"

    async def came() -> bool:
        return Counter(await world.arrivals(point.watch)) > before

    if point.came:
        await until(came, f"something came before {point.name}", within=CAME_SECONDS, look=0.02)
    else:
        assert not await came(), point.name


def test_every_point_in_the_code_is_in_the_matrix() -> None:
    """A point that the code names is killed at, once, and the table tells what came of it."""
    names = [point.name for point in POINTS]
    assert sorted(points_in_code()) == sorted(names)
    assert all(f"| `{name}` |" in TABLE.read_text() for name in names)


def test_the_table_is_what_the_run_saw() -> None:
    """The table that is shipped is the one that this run writes."""
    assert SEEN.keys() == {point.name for point in POINTS}, "run the whole file"
    told = write_table(SEEN)
    if "OSR_HUB_TEST_WRITE_TABLE" in os.environ:
        TABLE.write_text(told)
    assert TABLE.read_text() == told
