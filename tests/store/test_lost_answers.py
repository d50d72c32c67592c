"""What a commit did whose answer never came: it is not done twice, and what it took is not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from hub import settle
from hub.clock import now
from hub.domain.delivery import Delivered, Move, RetryLater
from hub.domain.keys import DeliveryKey
from hub.settle import LaneResult
from hub.store import lanes, processes
from hub.store.lanes import FailedAttempt, LaneUpdate, SucceededAttempt
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.receiver import receiver
from tests.support.register.subscriptions import assert_books_right, grant, make_register, plan_all, subscribed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Connection


async def _leased(c: Connection) -> tuple[int, Lease, list[QueuedDelivery]]:
    await make_register(c)
    await grant(c, service="RIO")
    await plan_all(c)
    owner = (await processes.enter(c, "forward")).process
    ((lease, deliveries),) = (await lanes.take(c, owner, {3: 10}, 10)).items()
    return owner, lease, deliveries


async def _settle(c: Connection, owner: int, run: LaneResult) -> int:
    return (await settle.complete(c, owner, [run], now())).lanes


async def test_a_failure_is_not_settled_twice(connection: Connection) -> None:
    """Neither is its budget burned twice nor its attempt kept twice."""
    owner, lease, (delivery, *_) = await _leased(connection)
    failed = FailedAttempt(
        key=DeliveryKey(lease.destination, lease.brin, delivery.message.sequence),
        before=delivery.status,
        move=Move.FAILED,
        outcome=RetryLater(at=now(), error="nobody", duration_ms=1),
        reason=None,
        expects_report=True,
    )
    update = LaneUpdate(lease=lease, head=lease.head, sent=lease.sent, closed=lease.closed, wait=60.0)
    run = LaneResult(update=update, failed=[failed])
    assert [await _settle(connection, owner, run) for _ in range(2)] == [1, 0]
    assert await connection.fetchval("select attempts from deliveries") == 1
    assert await connection.fetchval("select count(*) from attempts") == 1
    await assert_books_right(connection)


async def test_a_delivery_is_not_settled_twice(connection: Connection) -> None:
    """It was attempted once, whatever became of the answer to the commit."""
    owner, lease, (delivery, *_) = await _leased(connection)
    succeeded = SucceededAttempt(
        key=DeliveryKey(lease.destination, lease.brin, delivery.message.sequence),
        before=delivery.status,
        outcome=Delivered(at=now(), partition=1, offset=2),
        expects_report=True,
        planned_at=delivery.planned_at,
    )
    head = delivery.message.sequence
    run = LaneResult(
        update=LaneUpdate(lease=lease, head=head, sent=head, closed=lease.closed, wait=0.0), succeeded=[succeeded]
    )
    assert [await _settle(connection, owner, run) for _ in range(2)] == [1, 0]
    assert await connection.fetchval("select attempts from deliveries") == 1
    await assert_books_right(connection)


async def test_lanes_are_not_lost_whose_lease_was_never_answered(
    connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away after the lease: a living forwarder owns a lane that it does not know of."""
    taking = lanes.take
    lost: list[Mapping[Lease, list[QueuedDelivery]]] = []

    async def go_away(*arguments: Any) -> Mapping[Lease, list[QueuedDelivery]]:
        taken = await taking(*arguments)
        if taken and not lost:
            lost.append(taken)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return taken

    monkeypatch.setattr(lanes, "take", go_away)
    await make_register(connection)
    async with receiver() as hook:
        await subscribed(connection, url=hook.url)
        await grant(connection)
        await plan_all(connection)

        async def is_delivered() -> bool:
            return bool(await connection.fetchval("select bool_and(status = 'delivered') from deliveries"))

        async with forwarder(settings_for(database)):
            await until(is_delivered)
    assert len(lost) == 1
    assert len(hook.got) == 1
    await assert_books_right(connection)


async def test_what_is_known_is_not_given_back(connection: Connection) -> None:
    """Only what nobody works on becomes due again; the token of what does not is fenced off."""
    owner, lease, _ = await _leased(connection)
    assert await lanes.return_lost_leases(connection, owner, [lease.key]) == []
    assert await lanes.return_lost_leases(connection, owner + 1, []) == []
    assert await lanes.return_lost_leases(connection, owner, []) == [lease.lane]
    update = LaneUpdate(lease=lease, head=lease.head, sent=lease.sent, closed=lease.closed, wait=0.0)
    assert await _settle(connection, owner, LaneResult(update=update)) == 0
    (again,) = await lanes.take(connection, owner, {3: 10}, 10)
    assert again.token > lease.token
