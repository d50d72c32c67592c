"""Notices to suppliers: what gives cause for one, in words, and when one is sent. In: a cause. Out: a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from schemas.kinds import NoticeCause

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

WAITING: Final = timedelta(hours=1)
SECRET_AHEAD: Final = timedelta(hours=6)
CERTIFICATE_AHEAD: Final = timedelta(days=30)
QUIET: Final = timedelta(hours=1)
"""A cause that comes and goes gives one notice in this time."""
WAITS: Final = (60.0, 600.0, 3600.0)
"""Seconds after an attempt until the next; after the last one, which is the fourth, none follows."""

_WORDS: Final = {
    NoticeCause.DISABLED: "the subscription was disabled: {detail}; mend the receiver, then resume the subscription",
    NoticeCause.MISCONFIGURED: (
        "the receiver refuses every message ({detail}); nothing is lost, and sending goes on when a probe is taken"
    ),
    NoticeCause.WAITING: "messages have waited for more than an hour; see `GET /v1/lanes` and `GET /v1/deliveries`",
    NoticeCause.SECRET_EXPIRES: "an earlier secret stops signing at {since:%Y-%m-%dT%H:%MZ}; verify with the new one",
    NoticeCause.CERTIFICATE_EXPIRES: (
        "the client certificate that the hub shows to the receiver expires at {since:%Y-%m-%dT%H:%MZ}; give a new one"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedCause:
    """A cause for a notice about a subscription, since when, and the error behind it, if any."""

    subscription_id: UUID
    cause: NoticeCause
    since: datetime
    detail: str | None = None

    def words(self) -> str:
        """Return what the supplier is told: what happened, and what to do."""
        return _WORDS[self.cause].format(since=self.since, detail=self.detail or "no reason was given")
