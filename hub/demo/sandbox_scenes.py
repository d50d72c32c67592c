"""The scenes of a sandbox. In: a sandbox. Out: one kind of change, and what was sent for it.

Each scene prepares what it needs, so that it can be pressed first; pressed one after the other they tell the life of a
mandate at one school. What a hub does only now and then (a repeat, the messages after a restore) is sent from here,
signed in the same way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.demo.fill import OTHER
from hub.demo.sandbox import LOOK_SECONDS, show_exchange
from hub.store import ledger
from hub.store.connections import connect
from hub.store.notifications import notify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hub.demo.sandbox import Body, Exchange, Sandbox

OTHERS_ROUTE: Final = 90
"""The number of the routing characteristic that the other system gets: far from those that are handed out."""


async def granted(box: Sandbox) -> None:
    """Give a mandate."""
    await box.give()


async def routed(box: Sandbox) -> None:
    """Give the next branch a routing characteristic: it becomes a unit of its own, and the rest shrinks."""
    mandate = await box.current()
    if not (branches := _unrouted(mandate)):
        mandate = await box.give()
        branches = _unrouted(mandate)
    await box.board.call("PUT", f"/mandates/{mandate['id']}/routing/{branches[0]}", {"routingId": None})


def _unrouted(mandate: Body) -> list[str]:
    """Return the branches that may get a routing characteristic: the last one is kept for the other system."""
    return [each["branch"] for each in mandate["branches"] if each["routingId"] is None][:-1]


async def divided(box: Sandbox) -> None:
    """Give another system the last branch: the school is divided."""
    if box.mandate is None or box.is_divided:
        await box.give()
    branch = {"branch": box.school.branches[-1], "routingId": box.school.route(OTHERS_ROUTE)}
    await box.grant(OTHER.oin, branches=[branch])
    box.is_divided = True


async def withdrawn(box: Sandbox) -> None:
    """Withdraw the mandate: every unit ends."""
    mandate = await box.current()
    await box.board.call("POST", f"/mandates/{mandate['id']}/withdrawal", {"reason": "overstap naar een ander LAS"})
    box.mandate = None


async def repeated(box: Sandbox) -> list[Exchange]:
    """Send the newest message again: the same id, so the receiver drops it."""
    last = (await _sent_before(box))[-1]
    return [await box.post_again((await box.read(last))["message"])]


async def replayed(box: Sandbox) -> None:
    """Let an operator send the current state again: new ids that say which message they stand in for."""
    await _sent_before(box)
    body = {"destination": box.receiver.destination, "brins": [box.school.brin], "reason": "sandbox", "dryRun": False}
    job = await box.environment.operations.call("POST", "/replays", body)
    while job["state"] == "running":
        await asyncio.sleep(LOOK_SECONDS)
        job = await box.environment.operations.call("GET", f"/replays/{job['id']}")


async def restored(box: Sandbox) -> list[Exchange]:
    """Send the school's messages as a hub does after a restore: ids as before, and a higher `ledgerepoch`."""
    sent = await _sent_before(box)
    c = await connect(box.environment.stack.connection["databaseDsn"], "sandbox")
    try:
        await ledger.raise_epoch(c)
        await notify(c, "destinations")
    finally:
        await c.close()
    return [await box.post_again((await box.read(each))["message"]) for each in sent]


async def _sent_before(box: Sandbox) -> list[Body]:
    if box.turn < 0:
        await box.give()
    return await box.settled()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A scene: what happens, what the receiver should do, and how it is played."""

    title: str
    expects: str
    play: Callable[[Sandbox], Awaitable[list[Exchange] | None]]


SCENES: Final[Mapping[str, Scene]] = {
    "grant": Scene(
        title="a school gives your system a mandate",
        expects="take `granted`: the message lists all branches; report `activated` when the school can use it",
        play=granted,
    ),
    "route": Scene(
        title="a branch gets a routing characteristic",
        expects="take two messages: the branch is `granted` as a unit of its own, and the rest is `amended` without it",
        play=routed,
    ),
    "divide": Scene(
        title="another system gets a branch of the school",
        expects="let go of that branch: it is no longer listed in the message about the rest",
        play=divided,
    ),
    "withdraw": Scene(
        title="the school withdraws the mandate",
        expects="stop at once: one `withdrawn` per unit that you were told of",
        play=withdrawn,
    ),
    "repeat": Scene(
        title="the newest message comes once more",
        expects="answer 2xx and change nothing: its `id` was there before",
        play=repeated,
    ),
    "replay": Scene(
        title="an operator sends the current state again",
        expects="take new messages with `replayof`; pass over a `mandateVersion` that you hold already",
        play=replayed,
    ),
    "restore": Scene(
        title="the hub was restored from a backup and sends again what it had sent",
        expects="see the higher `ledgerepoch`, drop what you had by `id`, and reconcile",
        play=restored,
    ),
}


async def play(box: Sandbox, scene: Scene) -> list[Exchange]:
    """Play a scene and return what was sent for it, in the order of the lane."""
    before = {each["id"] for each in await box.deliveries()} if box.turn >= 0 else set()
    posted = await scene.play(box)
    if posted is not None:
        return posted
    return [show_exchange(await box.read(each)) for each in await box.settled() if each["id"] not in before]
