"""One signed POST per message, for the rivals: a body from Kafka or a task, HMAC as the hub signs, a good answer."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from pyreqwest.client import ClientBuilder

from hub.domain import signing
from hub.outbound import Answered, Outbound
from hub.settings import Webhook
from schemas.cloudevents import HTTP_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Post = Callable[[str, bytes], Awaitable[None]]

SECRET: Final = bytes(32)
LOOPBACK: Final = "127.0.0.0/8"


@asynccontextmanager
async def open_pyreqwest() -> AsyncIterator[Post]:
    """Post by pyreqwest, the fastest client of the shelf."""
    async with ClientBuilder().timeout(timedelta(seconds=15)).no_proxy().build() as client:

        async def post(url: str, body: bytes) -> None:
            response = await client.post(url).headers(_headers(body)).body_bytes(body).build().send()
            _check(response.status)

        yield post


@asynccontextmanager
async def open_own_client() -> AsyncIterator[Post]:
    """Post by the hub's own client."""
    async with Outbound(Webhook.model_validate({"allowed_networks": LOOPBACK})) as outbound:

        async def post(url: str, body: bytes) -> None:
            answer = await outbound.post(url, _headers(body), body)
            _check(answer.status if isinstance(answer, Answered) else 0)

        yield post


def _headers(body: bytes) -> dict[str, str]:
    signed = signing.headers(str(uuid4()), datetime.now(UTC), body, [SECRET])
    return {**signed, "content-type": HTTP_CONTENT_TYPE}


def _check(status: int) -> None:
    assert status == HTTPStatus.NO_CONTENT, status
