"""Clocks that jump by an hour, of a process and of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, ClassVar

import asyncpg
import pytest
from aiokafka import ConsumerRecord

from consumers.reporting.reader import ReportReader
from hub import clock
from hub.clock import LedgerClock
from hub.processes.heartbeat import Heartbeat
from tests.flow.test_rebalance import report
from tests.support.lanes.forwarding import deliver_all, forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, subscribe_all, tell
from tests.support.receivers.receiver import NO_CONTENT, ReceivedRequest, receiver, reply
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.store.pool import Connection, Pool
    from schemas.identifiers import Oin
    from tests.support.receivers.receiver import Receiver

SCHOOLS = 12
HOUR = 3600.0
FAKE = """
create schema fake;
create table fake.ahead (seconds double precision not null);
insert into fake.ahead values (0);
create function fake.clock_timestamp() returns timestamptz language sql volatile as
  'select pg_catalog.clock_timestamp() + make_interval(secs => seconds) from fake.ahead';
do $$ begin
  execute format('alter database %I set search_path = fake, public, pg_catalog', current_database());
end $$;
"""


class Jumping(datetime):
    """A wall clock that somebody sets."""

    ahead: ClassVar[float] = 0.0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Tell the time, as it was set."""
        return datetime.now(tz) + timedelta(seconds=cls.ahead)


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    async with receiver() as it:
        yield it


@pytest.fixture
async def oin(connection: Connection, hook: Receiver) -> Oin:
    """A subscribed system with twelve schools that were told nothing yet."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS)
    await subscribe_all(connection, [oin], [hook.url])
    return oin


async def stands(c: Connection, state: str) -> bool:
    """Say whether the webhook's circuit stands like this."""
    return bool(await c.fetchval("select circuit = $1 from destinations where kind = 'las'", state))


async def delivered(c: Connection, oin: Oin, n: int) -> bool:
    """Say whether so many are delivered and nothing is left."""
    return await counts(c, oin) == {"delivered": n}


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_process_whose_clock_jumps_goes_on_as_if_nothing_was(
    connection: Connection,
    database: str,
    oin: Oin,
    hook: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    jump: float,
) -> None:
    """A jump of the process clock affects no heartbeat, lease, schedule, probe or signature."""
    stamps: list[float] = []

    def answer(got: ReceivedRequest) -> bytes:
        stamps.append(datetime.now(UTC).timestamp() - float(got.headers["webhook-timestamp"]))
        return reply(500) if is_down else NO_CONTENT

    is_down, hook.answer = True, answer
    monkeypatch.setattr(clock, "datetime", Jumping)
    monkeypatch.setattr(Jumping, "ahead", 0.0)
    await tell(connection, [oin], 2)
    async with forwarder(settings_for(database)):
        await until(lambda: stands(connection, "open"))
        Jumping.ahead = jump
        assert abs((clock.now() - datetime.now(UTC)).total_seconds() - jump) < 60
        is_down = False
        await until(lambda: delivered(connection, oin, 2 * SCHOOLS), within=90)
        await until(lambda: stands(connection, "closed"))
    assert max(map(abs, stamps)) < 120
    wrong = """select count(*) from deliveries
                where delivered_at not between clock_timestamp() - interval '10 minutes'
                  and clock_timestamp() + interval '1 minute'"""
    assert await connection.fetchval(wrong) == 0
    assert inversions(messages(hook.got)) == []
    await assert_books_right(connection)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_reader_whose_clock_jumps_takes_reports_for_what_they_are(
    connection: Connection, pool: Pool, oin: Oin, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """Reports are judged by the time of the database, not of the process."""
    await connection.execute("update mandates set service_code = 'RIO'")
    await tell(connection, [oin], 1)
    await deliver_all(connection)
    monkeypatch.setattr(clock, "datetime", Jumping)
    monkeypatch.setattr(Jumping, "ahead", jump)
    rows = await connection.fetch("select id from deliveries")
    async with Heartbeat(pool, "reports") as heartbeat:
        reader = ReportReader(pool, heartbeat)
        await reader.take([reader.read(record(n, report(row["id"]))) for n, row in enumerate(rows)])
    assert await connection.fetchval("select bool_and(status = 'processed') from deliveries")
    assert await connection.fetchval("select count(*) from parked_records") == 0
    await assert_books_right(connection)


def record(offset: int, value: bytes) -> ConsumerRecord[bytes, bytes]:
    """Make a record of the topic of reports as a reader gets it."""
    return ConsumerRecord(
        topic="duo.reports.v1",
        partition=0,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=b"",
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=len(value),
        headers=(),
    )


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_database_whose_clock_jumps_keeps_nothing_waiting(
    connection: Connection, database: str, oin: Oin, hook: Receiver, jump: float
) -> None:
    """After a jump of the database clock all lanes, probes and heartbeats recover in seconds."""
    await connection.execute(FAKE)
    hook.answer = lambda _: reply(500)
    set_clock = await asyncpg.connect(database)
    await set_clock.execute("update fake.ahead set seconds = $1", max(0.0, -jump))
    await tell(set_clock, [oin], 2)
    async with forwarder(settings_for(f"{database}?options=-csearch_path%3Dfake,public,pg_catalog")):
        await until(lambda: stands(connection, "open"))
        await set_clock.execute("update fake.ahead set seconds = $1", max(0.0, jump))
        hook.answer = lambda _: NO_CONTENT
        await until(lambda: delivered(connection, oin, 2 * SCHOOLS), within=90)
        await until(lambda: stands(connection, "closed"))
        await tell(set_clock, [oin], 1)
        await until(lambda: delivered(connection, oin, 3 * SCHOOLS), within=90)
    assert await connection.fetchval("select max(attempts) from deliveries") <= 2
    assert inversions(messages(hook.got)) == []
    await set_clock.close()
    await assert_books_right(connection)


async def test_a_forwarder_that_died_before_the_clock_went_back_is_not_taken_for_alive(
    connection: Connection, database: str, oin: Oin
) -> None:
    """A heartbeat in the future counts as none."""
    await tell(connection, [oin], 1)
    dead = await connection.fetchval(
        """insert into processes (role, host, pid, heartbeat_at)
           values ('forward', 'x', 1, clock_timestamp() + interval '1 hour') returning id"""
    )
    await connection.execute("update lanes set owner = $1, due = null, token = token + 1", dead)
    async with forwarder(settings_for(database)):
        await until(lambda: delivered(connection, oin, SCHOOLS))
    await assert_books_right(connection)


def test_the_ledgers_clock_is_carried_on_and_says_when_it_jumped() -> None:
    """The ledger clock ignores small differences and logs a jump."""
    it, noon = LedgerClock(), datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert it.set(noon) == 0.0
    assert 0 <= (it.now() - noon).total_seconds() < 60
    assert abs(it.set(noon + timedelta(hours=1)) - HOUR) < 60
    assert (it.now() - noon).total_seconds() >= HOUR
    assert it.set(noon) < -HOUR + 60


def test_where_both_clocks_agree_the_way_from_the_database_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow answer of the database does not set the ledger clock back."""
    it, noon = LedgerClock(), datetime(2026, 11, 25, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: noon)
    it.set(noon - timedelta(milliseconds=90))
    assert it.now() >= noon
    other = LedgerClock()
    other.set(noon - timedelta(hours=1))
    assert other.now() < noon - timedelta(minutes=59)
