"""A receiver to start from notices by itself that a message is missing, and asks the hub."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import pytest

from hub.domain.receiver import Receiver as Endpoint
from hub.domain.signing import format_secret
from hub.outbound import Answered, Outbound
from hub.outbound.webhook import WebhookSender, post
from hub.qualify.messages import BRIN, InventedMandate
from hub.settings import Webhook
from tests.support.guides.starting_points import make_receiver, running_receiver
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from pathlib import Path

    from hub.outbound.webhook import WebhookMessage

SECRET: Final = b"g" * 32
SETTINGS: Final = Webhook.model_validate({"allowed_networks": "127.0.0.0/8"})
DESTINATION: Final = "las:00000099999999999000"
NOTHING: Final[dict[str, list[str]]] = {"missing": [], "outdated": [], "unknown": [], "pending": []}


class HubOfOneLane:
    """Answers as a hub with one lane, from which `lost` can be fetched; it knows no delivery to report on."""

    def __init__(self) -> None:
        self.lost: WebhookMessage | None = None
        self.last = 0

    def answer(self, request: ReceivedRequest) -> bytes:
        """Answer a request."""
        match urlsplit(request.target).path.removeprefix("/v1/").split("/"):
            case ["reconciliation"]:
                return reply(200, orjson.dumps(NOTHING))
            case ["subscriptions"]:
                return _list({"destination": DESTINATION})
            case ["lanes"]:
                return _list({"brin": BRIN, "lastPlanned": self.last}) if self.last else _list()
            case ["deliveries"]:
                return _list(*([{"id": self.lost.id, "status": "delivered"}] if self.lost else []))
            case ["deliveries", name] if self.lost and name == self.lost.id:
                return reply(200, b'{"message":%b}' % self.lost.body)
            case _:
                return reply(404)


def _list(*items: object) -> bytes:
    return reply(200, orjson.dumps({"items": items, "next": None}))


@pytest.mark.parametrize("language", ["python", pytest.param("node", marks=pytest.mark.node)])
async def test_a_gap_makes_it_ask(tmp_path: Path, language: str) -> None:
    """It compares at its start, not at messages that follow each other; when one is missing it fetches that one."""
    it = await make_receiver(language, tmp_path)
    it.secrets.write_text(format_secret(SECRET))
    mandate, lane = InventedMandate(datetime.now(UTC)), HubOfOneLane()
    async with receiver(lane.answer) as hub, Outbound(SETTINGS) as outbound:

        def asked(what: str) -> int:
            return sum(request.target.startswith(f"/v1/{what}") for request in hub.got)

        async def has_reported(message: WebhookMessage) -> None:
            async def is_reported() -> bool:
                return asked(f"deliveries/{message.id}/reports") == 1

            await until(is_reported, "its report", within=60, look=0.05)

        async def send(message: WebhookMessage) -> None:
            to = Endpoint(subscription_id=UUID(int=1), url=it.url, secrets=(SECRET,))
            sent = await post(outbound, to, message, WebhookSender(origin="hub.test"), datetime.now(UTC))
            assert isinstance(sent, Answered)
            assert sent.status == 204

        async with running_receiver(it, f"http://127.0.0.1:{hub.port}/v1", "token"):
            for _ in range(2):
                message = mandate.next()
                await send(message)
                await has_reported(message)
            assert asked("reconciliation") == 1
            seen, lane.lost = mandate.sequence, mandate.next()
            later = mandate.next()
            lane.last = mandate.sequence
            await send(later)
            await has_reported(later)
            await has_reported(lane.lost)
    assert asked("reconciliation") == 2
    assert asked(f"deliveries?destination={DESTINATION.replace(':', '%3A')}&brin={BRIN}&afterSequence={seen}") == 1
    assert it.held()[str(mandate.id), ""] == (mandate.version, False)
