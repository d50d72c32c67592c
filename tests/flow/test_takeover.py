"""A forwarder that is killed, or paused for longer than its heart allows, while it has lanes in hand: a real process.

The pause lasts as long as it takes others to take over and to deliver everything, some seconds; a minute is no
different, because four seconds without a beat are all that anybody waits for.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, subscribe_all, tell
from tests.support.receivers.receiver import NO_CONTENT, ReceivedRequest, receiver
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.subscriptions import assert_books_right
from tests.support.servers.forwarder_process import forwarder_process

if TYPE_CHECKING:
    from hub.store.pool import Connection
    from tests.support.receivers.receiver import Receiver

SCHOOLS, EACH = 6, 5


def strike(hook: Receiver, how: signal.Signals, pids: list[int]) -> list[float]:
    """Let the receiver strike the first forwarder at its second message of a school, before it hears the answer."""
    struck: list[float] = []

    def answer(got: ReceivedRequest) -> bytes:
        if not struck and orjson.loads(got.body)["sequence"].endswith("2"):
            struck.append(time.monotonic())
            os.kill(pids[0], how)
        return NO_CONTENT

    hook.answer = answer
    return struck


def arrived_after(hook: Receiver, n: int) -> Any:
    """Make the claim that more requests came than these."""

    async def claim() -> bool:
        return len(hook.got) > n

    return claim


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_its_lanes_move_on_and_what_it_writes_later_changes_nothing(
    connection: Connection, database: str, how: signal.Signals
) -> None:
    """Another forwarder takes over within seconds; the paused one sends and settles nothing when it returns."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS)
    pids: list[int] = []

    async def delivered(n: int) -> bool:
        return await counts(connection, oin) == {"delivered": n}

    async def beats_again() -> bool:
        beating = "select bool_or(heartbeat_at > $2 and not declared_dead) from processes where pid = $1"
        return bool(await connection.fetchval(beating, pids[0], resumed))

    async with receiver() as hook, forwarder_process(database) as first:
        pids.append(first.pid)
        struck = strike(hook, how, pids)
        await subscribe_all(connection, [oin], [hook.url])
        await tell(connection, [oin], EACH)
        await until(arrived_after(hook, 0), within=60)
        async with forwarder(settings_for(database)):
            while not struck:
                await until(arrived_after(hook, len(hook.got)), within=60)
            before = len(hook.got)
            owned = await connection.fetchval("select count(*) from lanes where owner is not null")
            await until(arrived_after(hook, before), within=60)
            first_seconds = time.monotonic() - struck[0]
            await until(lambda: delivered(SCHOOLS * EACH), within=60)
            seconds = time.monotonic() - struck[0]
            print(
                f"\n{how.name}: {owned} lanes in hand; moving again after {first_seconds:.1f} s, done {seconds:.1f} s"
            )
            if how is signal.SIGSTOP:
                resumed = await connection.fetchval("select clock_timestamp()")
                first.send_signal(signal.SIGCONT)
                await until(beats_again, within=60)
            await tell(connection, [oin], 1)
            await until(lambda: delivered(SCHOOLS * (EACH + 1)), within=60)
    assert owned > 0
    assert await connection.fetchval("select max(attempts) from deliveries") == 1
    assert await connection.fetchval("select bool_and(head = tail and owner is null) from lanes")
    assert inversions(messages(hook.got)) == []
    ids = [event["id"] for event in messages(hook.got)]
    assert len(set(ids)) == SCHOOLS * (EACH + 1)
    print(f"{len(ids) - len(set(ids))} repeats")
    await assert_books_right(connection)
