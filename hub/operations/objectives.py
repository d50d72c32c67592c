"""Set the objective of a destination. In: an objective and the actor. Out: the change and its audit entry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hub.errors import NotFound, PreconditionFailed
from hub.operations.audit import entry_by
from hub.store import audit, objectives
from hub.store.audit import changed_fields

if TYPE_CHECKING:
    from hub.access import Actor
    from hub.domain.objective import Objective
    from hub.store.pool import Connection


async def set_objective(c: Connection, name: str, objective: Objective | None, version: int, actor: Actor) -> None:
    """Give a destination an objective of its own, or None: that of the settings.

    Raises `PreconditionFailed` when somebody else changed it since `version`.
    """
    found = await objectives.lock_objective(c, name)
    if found is None:
        raise NotFound(f"no destination {name}")
    if found.version != version:
        raise PreconditionFailed
    if found.objective == objective:
        return
    await objectives.write_objective(c, found.destination, objective)
    change = changed_fields(_facts(found.objective), _facts(objective))
    await audit.write(c, entry_by(actor, "destination.objective_changed", {"destination": name}, change))


def _facts(objective: Objective | None) -> dict[str, Any]:
    if objective is None:
        return {"transportSeconds": None, "processingSeconds": None, "share": None}
    named = asdict(objective)
    return {
        "transportSeconds": named["transport_seconds"],
        "processingSeconds": named["processing_seconds"],
        "share": named["share"],
    }
