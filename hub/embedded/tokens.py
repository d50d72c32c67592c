"""The development tokens of one run of a stack. In: its data folder. Out: tokens for `connection.json` and the LAS.

Each run signs with a new key, so the tokens of earlier runs mean nothing to it. A token is valid for a day; the stack
makes new ones every half day, measured by the wall clock, because other clocks stand still while a laptop sleeps.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.clock import now
from hub.embedded.keys import development_keyfile
from hub.embedded.options import LAS_OIN
from hub.embedded.paths import write_private
from hub.embedded.services import las_token_file
from schemas.identifiers import Oin, parse_oin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.clock import Clock
    from hub.embedded.paths import DataDir

RENEW_AFTER: Final = timedelta(hours=12)
CHECK_SECONDS: Final = 60.0
log = structlog.get_logger(__name__)


class DevelopmentTokens:
    """Tokens signed with a key that this run of the stack made."""

    def __init__(self, data: DataDir, audience: str, *, with_las: bool) -> None:
        self._data = data
        self._audience = audience
        self._with_las = with_las
        self._keyfile = development_keyfile(data)
        self._issued_at: datetime | None = None
        self._keyfile.unlink(missing_ok=True)
        ensure_keyfile(self._keyfile)

    def issue(self, at: datetime) -> Mapping[str, str]:
        """Return new tokens for `connection.json`, and write the simulated LAS's into its file."""
        self._issued_at = at
        if self._with_las:
            write_private(las_token_file(self._data), self._token(at, Role.LAS, parse_oin(LAS_OIN)))
        return {"operations": self._token(at, Role.OPERATIONS), "duo": self._token(at, Role.DUO)}

    def are_old(self, at: datetime) -> bool:
        """Return whether the tokens should be replaced."""
        return self._issued_at is None or abs(at - self._issued_at) >= RENEW_AFTER

    def _token(self, at: datetime, role: Role, *oins: Oin) -> str:
        caller = Caller(subject=f"development {role}", roles=frozenset({role}), oins=frozenset(oins))
        return issue(self._keyfile, caller, now=at, audience=self._audience)


async def keep_fresh(
    tokens: DevelopmentTokens,
    publish: Callable[[Mapping[str, str]], None],
    clock: Clock = now,
    check_seconds: float = CHECK_SECONDS,
) -> None:
    """Replace the tokens whenever they are old, and `publish` the new ones, until cancelled."""
    while True:
        await asyncio.sleep(check_seconds)
        if not tokens.are_old(at := clock()):
            continue
        try:
            publish(tokens.issue(at))
        except OSError as error:  # a full disk must not end the stack: the tokens are valid for half a day more
            log.warning("tokens.not_renewed", error=str(error), next=f"again in {check_seconds:g} s")
