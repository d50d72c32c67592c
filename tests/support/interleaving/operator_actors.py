"""Operators and subscribing systems, as actors of interleavings.

In: an interleaving world. Out: one script per command or call; each tolerates the errors that a person gets.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hub import subscribe
from hub.domain.ids import new_id
from hub.domain.keys import LaneKey
from hub.domain.subscription import SubscriptionOptions
from hub.errors import Conflict, NotFound
from hub.operations import bulk, controls
from hub.operations.bulk import BulkJobRequest
from hub.operations.restate import restate
from hub.store import subscriptions
from hub.store.bulk import BulkSelection
from tests.support.interleaving.lane_driver import HELD_NAMES
from tests.support.interleaving.world import BRINS, FIRST, KEYS, SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.domain.bulk import BulkKind
    from tests.support.interleaving.world import InterleavingWorld

    Part = Callable[[InterleavingWorld, Any], Awaitable[None]]

FOUND: Final = """
select d.id from deliveries d join destinations p on p.id = d.destination
  join lanes x on x.destination = d.destination and x.brin = d.brin
 where p.name = any($1) and (not $2 or d.status in ('waiting', 'retrying') and x.owner is null)
 order by d.destination, d.brin, d.sequence"""


async def cancels(w: InterleavingWorld, c: Any) -> None:
    """Cancel waiting and old messages, sometimes after a hold of the destination."""
    w.may_be_loose, name = True, w.draw.choice(HELD_NAMES)
    buttons = (controls.hold, controls.release) if w.draw.random() < 0.7 else ()
    for button in buttons[:1]:
        async with c.transaction():
            await button(c, name, BRINS, w.operator())
    for only_waiting in (True, True, False):
        found = [row["id"] for row in await c.fetch(FOUND, [name], only_waiting)]
        if found:
            with suppress(Conflict, NotFound):
                async with c.transaction():
                    await controls.cancel(c, w.draw.choice(found), w.operator(), 10_000)
    for button in buttons[1:]:
        async with c.transaction():
            await button(c, name, BRINS, w.operator())


def acts(kind: BulkKind) -> Part:
    """Make a person who submits a bulk job, and the process that runs it."""

    async def script(w: InterleavingWorld, c: Any) -> None:
        name = w.draw.choice([None, *HELD_NAMES])
        async with c.transaction():
            chosen = BulkSelection(destination=name, brins=None if name else BRINS)
            await bulk.submit(c, BulkJobRequest(kind=kind, chosen=chosen, rate=1000), w.operator(), 1000)
        for turn in range(3):
            async with c.transaction():
                await bulk.run_batch(c, datetime.now(UTC) + timedelta(seconds=3 * turn), w.owners["plan"])

    return script


async def sends_again(w: InterleavingWorld, c: Any) -> None:
    """Restate what a queue lost."""
    queue = next(each.id for each in w.destinations.values() if each.name == "duo:rio")
    units = [(queue, brin, w.mandates[brin, "live"], "") for brin in BRINS]
    async with c.transaction():
        lost_from = {LaneKey(queue, brin): 2 for brin in BRINS}
        now = datetime.now(UTC)
        await restate(c, units, cause=new_id(now), now=now, process=w.owners["plan"], lost_from=lost_from)


async def holds(w: InterleavingWorld, c: Any) -> None:
    """Hold whole destinations."""
    for name in w.draw.sample(HELD_NAMES, 2):
        async with c.transaction():
            await controls.hold(c, name, None, w.operator())
        w.held_whole |= {each.id for each in w.destinations.values() if each.name == name}


async def releases(w: InterleavingWorld, c: Any) -> None:
    """Release whole destinations."""
    w.may_be_loose = True
    for name in w.draw.sample(HELD_NAMES, 2):
        async with c.transaction():
            await controls.release(c, name, None, w.operator())


async def opens_the_gate(w: InterleavingWorld, c: Any) -> None:
    """Hold both schools at a destination, and release one after the other."""
    w.may_be_loose, name = True, w.draw.choice(HELD_NAMES)
    for button, brins in ((controls.hold, BRINS), (controls.release, BRINS[1:]), (controls.release, BRINS)):
        async with c.transaction():
            await button(c, name, brins, w.operator())


async def is_gone(w: InterleavingWorld, c: Any) -> None:
    """Answer 410, change the options, and activate the subscription again."""
    now = datetime.now(UTC)
    webhook = next(each.id for each in w.destinations.values() if each.name == f"las:{FIRST}")
    await subscribe.disable(c, webhook, "gone", now)
    for found in await subscriptions.read_all(c, FIRST):
        async with c.transaction():
            one = await subscriptions.lock(c, found.id)
            if one is not None:
                options = SubscriptionOptions(
                    url=one.options.url, services=("RIO",), processing_results=not one.options.processing_results
                )
                one = await subscribe.change(c, one, subscribe.AgreedRequest(options=options, allowed_rate=None), now)
                await subscribe.activate(c, one, now)


async def leaves(w: InterleavingWorld, c: Any) -> None:  # noqa: ARG001 - as all parts
    """Delete a subscription, and make another."""
    for found in await subscriptions.read_all(c, FIRST):
        async with c.transaction():
            one = await subscriptions.lock(c, found.id)
            if one is not None:
                await subscribe.remove(c, one, datetime.now(UTC))
    await _subscribe(c, FIRST)


async def arrives(w: InterleavingWorld, c: Any) -> None:  # noqa: ARG001 - as all parts
    """Subscribe for the first time: the current state replaces the backlog."""
    await _subscribe(c, SECOND)


async def _subscribe(c: Any, oin: str) -> None:
    options = SubscriptionOptions(url="https://other.example/hook", services=("VVA", "RIO"), processing_results=True)
    with suppress(Conflict):
        async with c.transaction():
            change = subscribe.AgreedRequest(options=options, allowed_rate=None)
            await subscribe.subscribe(c, oin, change, KEYS, datetime.now(UTC))
