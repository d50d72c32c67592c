"""A receiver to start from notices by itself that a message is missing, and asks the hub."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson
import pytest

from hub.domain.receiver import Receiver as Endpoint
from hub.domain.signing import format_secret
from hub.outbound import Answered, Outbound
from hub.outbound.webhook import WebhookSender, post
from hub.qualify.messages import InventedMandate
from hub.settings import Webhook
from tests.support.guides.starting_points import make_receiver, running_receiver
from tests.support.receivers.receiver import ReceivedRequest, receiver, reply
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from pathlib import Path

    from hub.outbound.webhook import WebhookMessage

SECRET: Final = b"g" * 32
SETTINGS: Final = Webhook.model_validate({"allowed_networks": "127.0.0.0/8"})
NOTHING: Final[dict[str, list[str]]] = {"missing": [], "outdated": [], "unknown": [], "pending": []}


def answer(request: ReceivedRequest) -> bytes:
    """Be a hub that has nothing for anybody, and knows no delivery."""
    if request.target.startswith("/v1/reconciliation"):
        return reply(200, orjson.dumps(NOTHING))
    if request.target.startswith("/v1/deliveries/"):
        return reply(404)
    return reply(200, orjson.dumps({"items": [], "next": None}))


@pytest.mark.parametrize("language", ["python", pytest.param("node", marks=pytest.mark.node)])
async def test_a_gap_makes_it_ask(tmp_path: Path, language: str) -> None:
    """It compares once at its start, not at messages that follow each other, and again when one is missing."""
    it = await make_receiver(language, tmp_path)
    it.secrets.write_text(format_secret(SECRET))
    mandate = InventedMandate(datetime.now(UTC))
    async with receiver(answer) as hub, Outbound(SETTINGS) as outbound:

        def asked(what: str) -> int:
            return sum(request.target.startswith(f"/v1/{what}") for request in hub.got)

        async def send(message: WebhookMessage) -> None:
            to = Endpoint(subscription_id=UUID(int=1), url=it.url, secrets=(SECRET,))
            sent = await post(outbound, to, message, WebhookSender(origin="hub.test"), datetime.now(UTC))
            assert isinstance(sent, Answered)
            assert sent.status == 204

            async def reported() -> bool:
                return asked(f"deliveries/{message.id}") == 1

            await until(reported, "its report", within=60, look=0.05)

        async def compared_again() -> bool:
            return asked("reconciliation") == 2

        async with running_receiver(it, f"http://127.0.0.1:{hub.port}/v1", "token"):
            for _ in range(2):
                await send(mandate.next())
            assert asked("reconciliation") == 1
            mandate.next()  # lost on its way
            await send(mandate.next())
            await until(compared_again, "the second comparison", within=60, look=0.05)
