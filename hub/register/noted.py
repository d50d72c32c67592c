"""What the audit says of mandates. In: mandates before and after a change. Out: notes, with the fields that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.domain.kinds import Kind
from hub.store.audit import Note, differing
from hub.store.people import Ours
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from hub.domain.change import Raised
    from hub.domain.mandate import Mandate


def identity(mandate: Mandate) -> dict[str, Any]:
    """Say which mandate it is: what never changes about it."""
    return {"mandateId": mandate.id, "serviceCode": mandate.service_code, "supplierOin": mandate.supplier_oin}


def facts(mandate: Mandate) -> dict[str, Any]:
    """Say what people decide about a mandate."""
    return {
        "startDate": mandate.start_date,
        "endDate": mandate.end_date,
        "routing": dict(mandate.routes),
        "withdrawnAt": mandate.withdrawn_at,
    }


def differences(before: Mandate | None, after: Mandate) -> dict[str, Any]:
    """Say from what to what a mandate went, as a note's `before` and `after`; nothing before it was granted."""
    if before is None:
        return {"before": None, "after": {name: value for name, value in facts(after).items() if value}}
    was, is_now = differing(facts(before), facts(after))
    return {"before": was, "after": is_now}


def arrivals(raised: Iterable[Raised], at: datetime) -> Iterator[Note]:
    """Note the dates that have come: nobody did that, so the hub stands for it."""
    for event in raised:
        if event.kind in _ARRIVALS:
            was, is_now = _ARRIVALS[event.kind]
            yield Note(
                at=at,
                actor=Ours.HUB,
                action=f"mandate.{event.kind.value}",
                brin=event.mandate.brin,
                subject=identity(event.mandate),
                before={"state": was},
                after={"state": is_now},
            )


_ARRIVALS = {
    Kind.STARTED: (MandateState.FUTURE, MandateState.ACTIVE),
    Kind.EXPIRED: (MandateState.ACTIVE, MandateState.ENDED),
}
