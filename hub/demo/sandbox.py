"""A sandbox: a supplier's own system at a stack of its own. In: changes. Out: what was sent and what came back.

The story is about one school at a time. Next: `hub.demo.sandbox_scenes` makes the changes.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.clock import now
from hub.demo.schools import LAS_SERVICE, MIN_BRANCHES
from hub.domain.receiver import Receiver
from hub.outbound import Answered
from hub.outbound.handshake import origin_of
from hub.outbound.webhook import WebhookMessage, WebhookSender, post

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from hub.demo.schools import DemoSchool
    from hub.demo.stage import DemoEnvironment
    from hub.outbound import Outbound
    from hub.simulators.hub import HubClient

Body = dict[str, Any]
SETTLED_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.1
ON_THEIR_WAY: Final = frozenset({"waiting", "retrying", "held"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A message that was sent, and what came back: a line per attempt, and whether it was taken."""

    message: Body
    answers: tuple[str, ...]
    is_taken: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxReceiver:
    """The supplier's system: its OIN, its webhook, the secrets that sign, and its subscription."""

    oin: str
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    subscription_id: UUID

    @property
    def destination(self) -> str:
        """Where its messages go."""
        return f"las:{self.oin}"


@dataclass(kw_only=True, slots=True)
class Sandbox:
    """The stack, the supplier's system, and where the story is."""

    environment: DemoEnvironment
    receiver: SandboxReceiver
    outbound: Outbound
    schools: Sequence[DemoSchool]
    turn: int = -1
    mandate: Body | None = None
    is_divided: bool = False

    @property
    def school(self) -> DemoSchool:
        """The school that the story is about."""
        return self.schools[self.turn % len(self.schools)]

    @property
    def board(self) -> HubClient:
        """The API, as the school's administrator sees it."""
        return self.environment.schools([self.school.board])

    async def give(self) -> Body:
        """Give the system a mandate of the next school; the story is about that from now on."""
        self.turn += 1
        self.is_divided = False
        self.mandate = await self.grant(self.receiver.oin)
        return self.mandate

    async def current(self) -> Body:
        """Return the mandate that the story is about as it is now; one is given where there is none."""
        if self.mandate is None:
            return await self.give()
        found: Body = await self.board.call("GET", f"/mandates/{self.mandate['id']}")
        return found

    async def grant(self, oin: str, **more: object) -> Body:
        """Give a system a mandate of the school."""
        body = {"brin": self.school.brin, "serviceCode": LAS_SERVICE, "supplierOin": oin, **more}
        made: Body = await self.board.call("POST", "/mandates", body)
        return made

    async def deliveries(self) -> list[Body]:
        """List what the system was sent about the school."""
        query = f"destination={self.receiver.destination}&brin={self.school.brin}&limit=1000"
        listed: list[Body] = (await self.environment.operations.call("GET", f"/deliveries?{query}"))["items"]
        return listed

    async def settled(self) -> list[Body]:
        """Wait until all that was changed is planned and taken, or has had its time; list what was sent."""
        give_up_at = time.monotonic() + SETTLED_SECONDS
        while True:
            lag = await self.environment.operations.call("GET", "/lag")
            listed = await self.deliveries()
            is_waiting = lag["unplannedEvents"] or any(each["status"] in ON_THEIR_WAY for each in listed)
            if not is_waiting or time.monotonic() > give_up_at:
                return listed
            await asyncio.sleep(LOOK_SECONDS)

    async def read(self, delivery: Body) -> Body:
        """Read a delivery with its message and its attempts."""
        whole: Body = await self.environment.operations.call("GET", f"/deliveries/{delivery['id']}")
        return whole

    async def post_again(self, message: Mapping[str, Any]) -> Exchange:
        """Send a message that was sent before, once more, signed anew."""
        connection, receiver = self.environment.stack.connection, self.receiver
        sent = WebhookMessage(id=message["id"], body=orjson.dumps(message))
        sender = WebhookSender(origin=origin_of(connection["api"].removesuffix("/v1")))
        whom = Receiver(subscription_id=receiver.subscription_id, url=receiver.url, secrets=receiver.secrets)
        answer = await post(self.outbound, whom, sent, sender, now())
        if not isinstance(answer, Answered):
            return Exchange(message=dict(message), answers=(f"no answer: {answer.error}",), is_taken=False)
        is_taken = answer.status // 100 == HTTPStatus.OK // 100
        words = f"{answer.status} in {answer.duration_ms} ms: {'taken' if is_taken else 'not taken'}"
        return Exchange(message=dict(message), answers=(words,), is_taken=is_taken)


def show_exchange(delivery: Body) -> Exchange:
    """Return what was sent for a delivery, and what came back."""
    answers = [
        f"{each['httpStatus'] or 'no answer'} in {each['durationMs']} ms: {each['error'] or 'taken'}"
        for each in delivery["attempts"]
    ]
    return Exchange(
        message=delivery["message"],
        answers=(*answers, f"status {delivery['status']}"),
        is_taken=delivery["status"] not in {*ON_THEIR_WAY, "dead", "cancelled"},
    )


def choose_branched(schools: Sequence[DemoSchool]) -> list[DemoSchool]:
    """Return the schools with enough branches for all scenes."""
    return [school for school in schools if len(school.branches) >= MIN_BRANCHES]
