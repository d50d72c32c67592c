"""The published keys of an OpenID Connect issuer. In: its address. Out: its keys, fetched in the background.

While keys are known nobody waits for the issuer: `refresh` replaces them from time to time, so that a withdrawn key is
not accepted for ever, and when it fails the last keys stay valid and the log says so. Only a token that no known key
fits waits, for one shared fetch, a short time, at most every ten seconds: its key may be a new one.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from hub.access.published_keys import read_keys
from hub.clock import now
from hub.errors import Unavailable
from hub.processes import loops
from hub.settings.groups import check_trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.access.published_keys import PublicKey, PublishedKeys

REFRESH_SECONDS: Final = 300.0
REFETCH_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 2.0
HALF_A_SECOND: Final = 0.5
MAX_BYTES: Final = 1_000_000
FETCH_ERRORS: Final = (PyreqwestError, ValueError, KeyError, TypeError, TimeoutError)
LOOK_AT_ISSUER: Final = "look at what the issuer publishes"
log = structlog.get_logger(__name__)


class IssuerKeys:
    """The keys of one issuer; concurrent calls share one fetch."""

    def __init__(self, issuer: str, jwks_url: str | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._monotonic = monotonic
        self._keys: tuple[PublicKey, ...] = ()
        self._skipped: tuple[str, ...] = ()
        self._tried_at = float("-inf")
        self._fetch: asyncio.Task[None] | None = None

    async def current(self) -> Sequence[PublicKey]:
        """Return the keys that are known; without any, fetch them or raise `Unavailable`."""
        if not self._keys:
            await self.renewed(TIMEOUT_SECONDS)
        if not self._keys:
            raise Unavailable("the keys of the token issuer cannot be fetched now")
        return self._keys

    async def renewed(self, seconds: float = WAIT_SECONDS) -> Sequence[PublicKey]:
        """Return the keys after a fetch, which is waited for so long, or those known when there was one just now."""
        if self._is_fetching() or self._monotonic() - self._tried_at > REFETCH_SECONDS:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.refresh()
        return self._keys

    async def refresh(self) -> None:
        """Fetch the keys, or wait for the fetch that is under way; never raises for a failed one."""
        if not self._is_fetching():
            self._tried_at = self._monotonic()
            self._fetch = asyncio.create_task(self._replace())
        assert self._fetch is not None  # noqa: S101 - just set
        await asyncio.shield(self._fetch)

    async def keep_fresh(self) -> None:
        """Fetch the keys now and then, for ever."""
        while True:
            await self.refresh()
            loops.moved("serve.keys")
            await asyncio.sleep(REFRESH_SECONDS)

    async def close(self) -> None:
        """Wait for the end of a fetch, which has its own time limit; cancelled, its client could hang."""
        if self._fetch is not None:
            await asyncio.wait({self._fetch})

    def _is_fetching(self) -> bool:
        return self._fetch is not None and not self._fetch.done()

    async def _replace(self) -> None:
        try:
            found = await fetch_keys(self._issuer, self._jwks_url)
        except FETCH_ERRORS as error:
            believed = "its last keys" if self._keys else "nobody"
            why = f"{type(error).__name__}: {error}"
            log.warning("keys.not_fetched", issuer=self._issuer, error=why, believed=believed, next=LOOK_AT_ISSUER)
            return
        if found.skipped != self._skipped:
            log.warning("keys.skipped", issuer=self._issuer, keys=list(found.skipped), next=LOOK_AT_ISSUER)
        self._keys, self._skipped = found.usable, found.skipped


async def fetch_keys(issuer: str, jwks_url: str | None) -> PublishedKeys:
    """Fetch the keys that an issuer publishes; raise one of `FETCH_ERRORS`."""
    return read_keys(await _get_json(jwks_url or await _discover(issuer)))


async def _discover(issuer: str) -> str:
    about = await _get_json(f"{issuer}/.well-known/openid-configuration")
    if str(about["issuer"]).rstrip("/") != issuer:
        raise ValueError(f"it calls itself {about['issuer']}")
    return check_trusted(str(about["jwks_uri"]))


async def read_clock(issuer: str, jwks_url: str | None) -> float | None:
    """Return for how many seconds an issuer's clock is ahead of this machine's; None where its answers have no date.

    An answer's date has whole seconds, and a cache on the way tells how old it is. Raises one of `FETCH_ERRORS`.
    """
    asked = now()
    _, date, age = await _get(jwks_url or f"{issuer}/.well-known/openid-configuration")
    answered = now()
    try:
        told = parsedate_to_datetime(date or "").replace(tzinfo=UTC)
    except ValueError:
        return None
    kept = float(age) if age is not None and age.isdigit() else 0.0
    return (told - (asked + (answered - asked) / 2)).total_seconds() + kept + HALF_A_SECOND


async def _get_json(url: str) -> dict[str, Any]:
    body, _, _ = await _get(url)
    read = orjson.loads(body)
    if not isinstance(read, dict):
        raise TypeError(f"{url} answers no JSON object")
    return read


async def _get(url: str) -> tuple[bytes, str | None, str | None]:
    """Return the body of an answer, its date and its age."""
    patience = timedelta(seconds=TIMEOUT_SECONDS)
    builder = ClientBuilder().timeout(patience).follow_redirects(enable=False).error_for_status(enable=True)
    async with builder.build() as client, client.get(url).build_streamed() as answer:
        body = bytes(await answer.body_reader.read(MAX_BYTES + 1) or b"")
    if len(body) > MAX_BYTES:
        raise ValueError(f"{url} answers more than {MAX_BYTES} bytes")
    return body, answer.get_header("date"), answer.get_header("age")
