"""The audit: who did what, to which school, and why; a note is written in the transaction of what it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody did: an action such as `mandate.withdrawn`, what it was done to, and the reason that was given."""

    at: datetime
    actor: str
    action: str
    brin: str | None = None
    subject: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


async def write(c: Connection, note: Note) -> None:
    """Add a note."""
    await queries.note_audit(
        c,
        at=note.at,
        actor=note.actor,
        action=note.action,
        brin=note.brin,
        subject=orjson.dumps(note.subject, default=str).decode(),
        reason=note.reason,
    )
