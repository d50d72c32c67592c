"""Audit entries of what an actor does. In: the actor, an action, its subject. Out: an entry with time and reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hub.store.audit import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.access import Actor

BeforeAndAfter: TypeAlias = "tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]"
NO_CHANGE: Final[BeforeAndAfter] = (None, None)


def entry_by(
    actor: Actor,
    action: str,
    subject: Mapping[str, Any],
    change: BeforeAndAfter = NO_CHANGE,
    brin: str | None = None,
) -> AuditEntry:
    """Make the entry of an actor's action; `change` holds the fields that differ, before and after."""
    before, after = change
    return AuditEntry(
        at=actor.at,
        actor=actor.subject,
        action=action,
        brin=brin,
        subject=subject,
        before=before,
        after=after,
        reason=actor.reason,
    )
