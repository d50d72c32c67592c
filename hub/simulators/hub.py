"""A client of the hub's API. In: a token and an OIN. Out: a subscription, and reports.

The API shows the secret of a subscription once, so it is kept in a file; without that file the old subscription is
deleted and a new one created.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson
import structlog
from pyreqwest.exceptions import PyreqwestError

from hub.domain import signing
from hub.outbound.reqwest import Cancellable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pyreqwest.client import Client

REPEAT_SECONDS: Final = 0.5
SIGNATURES: Final = ["v1", "v1a"]
"""It verifies both kinds."""
log = structlog.get_logger(__name__)


class HubApiError(Exception):
    """The hub's API answered with a problem."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path} was answered by {status}: {body[:500].decode(errors='replace')}")
        self.status = status


@dataclass(frozen=True, slots=True)
class LasSubscription:
    """The subscription that a LAS wants."""

    oin: str
    url: str
    reports: bool


class HubClient:
    """The hub's API for one caller; `token` is called for each request."""

    def __init__(self, client: Client, base: str, token: Callable[[], str]) -> None:
        self._client = client
        self._base = base.rstrip("/")
        self._token = token

    async def call(self, method: str, path: str, body: object = None, *, etag: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Send a request and return the JSON of its answer; raise `HubApiError` for any other status than 2xx."""
        request = self._client.request(method, f"{self._base}{path}").bearer_auth(self._token())
        if etag is not None:
            request = request.header("if-match", etag)
        if body is not None:
            request = request.header("content-type", "application/json").body_bytes(orjson.dumps(body))
        response = await Cancellable(request.build().send())
        said = bytes(await Cancellable(response.bytes()))
        if response.status // 100 != HTTPStatus.OK // 100:
            raise HubApiError(method, path, response.status, said)
        return orjson.loads(said) if said else None

    async def report(self, delivery_id: str, report: dict[str, object]) -> None:
        """Report on a delivery."""
        await self.call("POST", f"/deliveries/{delivery_id}/reports", report)

    async def unreported(self, oin: str) -> list[str]:
        """Return the deliveries to a system that wait for its report."""
        found: list[str] = []
        query = f"destination=las:{oin}&status=delivered&status=in_progress&limit=1000"
        cursor = ""
        while True:
            page = await self.call("GET", f"/deliveries?{query}{cursor}")
            found += [one["id"] for one in page["items"] if one["expects"] == "report"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={quote(page['next'])}"

    async def services(self, kind: str) -> list[str]:
        """Return the services of DUO (`duo`) or of systems (`las`)."""
        listed = await self.call("GET", "/services")
        return [each["serviceCode"] for each in listed["items"] if each["kind"] == kind]

    async def public_keys(self) -> list[Ed25519PublicKey]:
        """Return the keys that the hub signs with."""
        listed = await self.call("GET", "/keys")
        return [signing.parse_public_key(key["publicKey"]) for key in listed["items"]]


async def subscribe(hub: HubClient, subscription: LasSubscription, state: Path) -> bytes:
    """Create or reactivate the subscription and return its secret; wait until the hub answers."""
    said = ""
    while True:
        try:
            return await _subscribe(hub, subscription, state)
        except (PyreqwestError, HubApiError, OSError) as error:
            if str(error) != said:
                said = str(error)
                log.info("las.not_subscribed", error=said, next="try again")
            await asyncio.sleep(REPEAT_SECONDS)


async def _subscribe(hub: HubClient, subscription: LasSubscription, state: Path) -> bytes:
    kept = _read(state)
    for found in (await hub.call("GET", "/subscriptions"))["items"]:
        if found["supplierOin"] != subscription.oin:
            continue
        is_as_wished = found["reports"] == subscription.reports and found["signatures"] == SIGNATURES
        if kept.get("id") == found["id"] and is_as_wished:
            await _reactivate(hub, subscription, found)
            return signing.parse_secret(kept["secret"])
        await hub.call("DELETE", f"/subscriptions/{found['id']}")
    body = {
        "url": subscription.url,
        "services": await hub.services("las"),
        "reports": subscription.reports,
        "signatures": SIGNATURES,
    }
    made = await hub.call("POST", "/subscriptions", body)
    _write(state, {"id": made["id"], "secret": made["secret"]})
    log.info("las.subscribed", subscription=made["id"], url=subscription.url)
    return signing.parse_secret(made["secret"])


async def _reactivate(hub: HubClient, subscription: LasSubscription, found: dict[str, Any]) -> None:
    path = f"/subscriptions/{found['id']}"
    if found["url"] != subscription.url:
        await hub.call("PATCH", path, {"url": subscription.url}, etag="*")
    if found["status"] != "active":
        await hub.call("POST", f"{path}/resume")


def _read(state: Path) -> dict[str, str]:
    try:
        kept: dict[str, str] = orjson.loads(state.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return kept


def _write(state: Path, kept: dict[str, str]) -> None:
    state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = state.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(orjson.dumps(kept))
    draft.replace(state)
