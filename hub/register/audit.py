"""Audit entries of mandates. In: mandates before and after a change. Out: entries with the fields that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.domain.kinds import Kind
from hub.store.audit import AuditEntry, changed_fields
from hub.store.people import SystemActor
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from hub.domain.change import NewEvent
    from hub.domain.mandate import Mandate


def mandate_identity(mandate: Mandate) -> dict[str, Any]:
    """Return what identifies a mandate and never changes."""
    return {
        "mandateId": mandate.id,
        "serviceCode": mandate.service_code,
        "supplierOin": mandate.supplier_oin,
        "systemCode": mandate.system_code,
    }


def mandate_facts(mandate: Mandate) -> dict[str, Any]:
    """Return the fields of a mandate that people decide on."""
    return {
        "startDate": mandate.start_date,
        "endDate": mandate.end_date,
        "routing": dict(mandate.routes),
        "withdrawnAt": mandate.withdrawn_at,
    }


def mandate_changes(before: Mandate | None, after: Mandate) -> dict[str, Any]:
    """Return an entry's `before` and `after` of a mandate; `before` is None for a new one."""
    if before is None:
        return {"before": None, "after": {name: value for name, value in mandate_facts(after).items() if value}}
    was, is_now = changed_fields(mandate_facts(before), mandate_facts(after))
    return {"before": was, "after": is_now}


def date_entries(new_events: Iterable[NewEvent], at: datetime) -> Iterator[AuditEntry]:
    """Make an entry for each date that has come, with the hub as its actor."""
    for event in new_events:
        if event.kind in _DATE_STATES:
            was, is_now = _DATE_STATES[event.kind]
            yield AuditEntry(
                at=at,
                actor=SystemActor.HUB,
                action=f"mandate.{event.kind.value}",
                brin=event.mandate.brin,
                subject=mandate_identity(event.mandate),
                before={"state": was},
                after={"state": is_now},
            )


_DATE_STATES = {
    Kind.STARTED: (MandateState.FUTURE, MandateState.ACTIVE),
    Kind.EXPIRED: (MandateState.ACTIVE, MandateState.ENDED),
}
