"""The way back from events to the register, over any history of a school: what is recalled is what was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis.stateful import initialize

from hub.domain.change import GRANT, derive_events
from hub.domain.mandate import Mandate
from hub.domain.state_from_log import LoggedChange, UnusableEvent, state_after
from hub.recovery.log_entries import to_logged_change
from hub.register.write import event_body
from schemas.identifiers import Branch, Brin, RoutingId, ServiceCode
from schemas.messages import MandateChange
from tests.unit.test_coverage_laws import NOW, SUPPLIERS, School

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.change import NewEvent


class Witness(School):
    """A school, and somebody who reads its events only and keeps the register's rows by them."""

    @initialize()
    def begin_to_read(self) -> None:
        """Know nothing at first."""
        self.known: dict[UUID, Mandate] = {}

    def _hear(self, raised: Sequence[NewEvent]) -> None:
        super()._hear(raised)
        for event in raised:
            after = state_after(self.known.get(event.mandate.id), told(event), ())
            assert after.messages == event.messages
            shown = {branch: routing for branch, routing in event.mandate.routes.items() if branch in self.branches}
            assert after.mandate == replace(event.mandate, routes=after.mandate.routes)
            assert shown.items() <= after.mandate.routes.items()  # that of a closed branch stands in no event
            self.known[event.mandate.id] = after.mandate


TestWitness = Witness.TestCase
TestWitness.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


def told(event: NewEvent) -> LoggedChange:
    """Write an event as the log has it, and read it back."""
    data = MandateChange.model_validate_json(event_body(event, "41561", "Een"))
    return to_logged_change(UUID(int=1), event.kind, NOW, data)


def granted() -> NewEvent:
    """Grant a mandate to a school of two branches."""
    wanted = Mandate(
        id=UUID(int=1),
        brin=Brin("18DS"),
        service_code=ServiceCode("VVA"),
        supplier_oin=SUPPLIERS[0],
        start_date=NOW.date(),
        end_date=None,
        created_at=NOW,
        updated_at=NOW,
        routes={Branch("18DS00"): RoutingId("0000000700018DS00001")},
    )
    branches = (Branch("18DS00"), Branch("18DS01"))
    return derive_events([wanted], {wanted.id: GRANT}, branches, now=NOW, today=NOW.date())[0]


def test_a_version_that_is_missing_is_not_made_up() -> None:
    """An event whose forerunner nobody has is refused, in words."""
    later = replace(told(granted()), mandate_version=3)
    with pytest.raises(UnusableEvent, match="of which 0 is known"):
        state_after(None, later, ())


def test_what_an_older_hub_wrote_is_taken_where_it_is_plain() -> None:
    """Without a word on the rest an event is refused, unless the rest was told before or there is none."""
    old = replace(told(granted()), rest_told=None)
    with pytest.raises(UnusableEvent, match="older version"):
        state_after(None, old, ())
    whole = replace(old, branches=old.branches[:1])
    assert [m.unit.branch for m in state_after(None, whole, ()).messages] == ["18DS00"]
    first = state_after(None, told(granted()), ()).mandate
    later = state_after(first, replace(old, mandate_version=2), ())
    assert [unit.told for unit in later.mandate.units] == [True, True]


def test_routing_of_a_closed_branch_stays() -> None:
    """An event lists open branches only; what a closed one is routed by is not taken away."""
    first = state_after(None, told(granted()), ()).mandate
    closed = replace(told(granted()), mandate_version=2, branches=((Branch("18DS01"), None),))
    assert state_after(first, closed, {Branch("18DS00")}).mandate.routes == first.routes
    assert state_after(first, closed, ()).mandate.routes == {}
