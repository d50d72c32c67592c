"""A broker that can write nothing any more, as on a full disk.

What is staged: the process may make no file longer (its limit on the length of files is one byte), so that every append
fails as it does where no space is left. Kafka takes its log folder offline for it and ends; its supervisor starts it
again, without that limit, as after space was made.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from tests.flow.test_wedged_producer import SCHOOLS, tell_duo
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.recording_receivers import events_in, inversions, read_whole
from tests.support.register.subscriptions import assert_books_right
from tests.support.servers.brokers import own_kafka

if TYPE_CHECKING:
    from hub.store.pool import Connection

QUEUE = "duo.rio.v1"


async def test_what_a_full_disk_refused_is_sent_when_there_is_space(connection: Connection, database: str) -> None:
    """What a full broker refused costs no attempt and arrives in order once there is space."""

    async def stands(state: str) -> bool:
        return bool(await connection.fetchval("select circuit = $1 from destinations where name = 'duo:rio'", state))

    async def is_delivered() -> bool:
        return bool(await connection.fetchval("select bool_and(status = 'delivered') from deliveries"))

    async with own_kafka() as (supervisor, bootstrap):
        ((_, pid),) = supervisor.pids
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        await tell_duo(connection, QUEUE)
        async with forwarder(settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": bootstrap})):
            await until(is_delivered, within=120)
            await until(lambda: stands("closed"))  # it may have been open, or the broker was back before anyone noticed
        told = events_in(await read_whole(bootstrap, QUEUE))
        print(f"\n{len(told)} records for {SCHOOLS * 5} messages")
        assert supervisor.pids != (("kafka", pid),)
    assert len({event["id"] for event in told}) == SCHOOLS * 5
    assert inversions(told) == []
    assert await connection.fetchval("select max(attempts) from deliveries") == 1
    await assert_books_right(connection)
