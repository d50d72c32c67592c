"""The published keys of an OpenID Connect issuer. In: its address. Out: its keys, fetched when needed and cached.

A token with an unknown key id causes a new fetch, at most one every ten seconds. Keys are fetched again after an hour,
so that a withdrawn key is not accepted for ever. When a fetch fails, the last keys stay valid and the log says so.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from hub.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

REFETCH_SECONDS: Final = 10.0
CACHE_SECONDS: Final = 3600.0
TIMEOUT_SECONDS: Final = 5.0
MAX_BYTES: Final = 1_000_000
log = structlog.get_logger(__name__)


class IssuerKeys:
    """The keys of one issuer; concurrent calls share one fetch."""

    def __init__(self, issuer: str, jwks_url: str | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._tried_at = float("-inf")
        self._refetched_at = float("-inf")
        self._fetched_at = float("-inf")
        self._gate = asyncio.Lock()

    async def find(self, kid: str | None) -> KeySet:
        """Return the issuer's keys, after a fetch when none has the id `kid`; raise `Unavailable` without any keys."""
        if not self._is_fresh() or not self._is_known(kid):
            async with self._gate:
                await self._refresh(kid)
        if self._keys is None:
            raise Unavailable("the keys of the token issuer cannot be fetched now")
        return self._keys

    async def _refresh(self, kid: str | None) -> None:
        """Fetch, unless another call just did, or a fetch for the same reason failed within the last ten seconds."""
        if not self._is_fresh():
            if self._is_past(self._tried_at, REFETCH_SECONDS):
                await self._fetch()
        elif not self._is_known(kid) and self._is_past(self._refetched_at, REFETCH_SECONDS):
            self._refetched_at = self._monotonic()
            await self._fetch()

    def _is_fresh(self) -> bool:
        return self._keys is not None and not self._is_past(self._fetched_at, CACHE_SECONDS)

    def _is_known(self, kid: str | None) -> bool:
        return self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys.keys))

    def _is_past(self, moment: float, seconds: float) -> bool:
        return self._monotonic() - moment > seconds

    async def _fetch(self) -> None:
        self._tried_at = self._monotonic()
        try:
            self._jwks_url = self._jwks_url or await self._discover()
            self._keys = _asymmetric(await _get_json(self._jwks_url))
        except (PyreqwestError, JoseError, ValueError, KeyError, TypeError) as error:
            believed = "its last keys" if self._keys is not None else "nobody"
            again = "retry in 10 s"
            log.warning("keys.not_fetched", issuer=self._issuer, error=str(error), believed=believed, next=again)
        else:
            self._fetched_at = self._tried_at

    async def _discover(self) -> str:
        about = await _get_json(f"{self._issuer}/.well-known/openid-configuration")
        if about["issuer"].rstrip("/") != self._issuer:
            raise ValueError(f"it calls itself {about['issuer']}")
        return str(about["jwks_uri"])


def _asymmetric(published: dict[str, Any]) -> KeySet:
    """Keep public keys only: a shared secret among published keys would let anyone sign."""
    usable = [key for key in published["keys"] if key["kty"] in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"]
    return KeySet.import_key_set({"keys": usable})


async def _get_json(url: str) -> dict[str, Any]:
    patience = timedelta(seconds=TIMEOUT_SECONDS)
    builder = ClientBuilder().timeout(patience).follow_redirects(enable=False).error_for_status(enable=True)
    async with builder.build() as client, client.get(url).build_streamed() as answer:
        body = bytes(await answer.body_reader.read(MAX_BYTES) or b"")
    read: dict[str, Any] = orjson.loads(body)
    return read
