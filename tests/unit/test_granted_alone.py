"""A mandate that is alone is made in one step: the same as by the two steps that all others take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.change import GRANT, derive_events
from hub.domain.rules import GrantRequest
from hub.domain.system import System
from hub.register import moment
from hub.register.grant import grant_alone, to_mandate
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode, SystemCode

AT = moment(datetime(2026, 11, 23, 9, tzinfo=UTC))
SUPPLIER = Oin("00000099000000001000")
DAYS = st.integers(0, 3)


@given(open_=st.integers(0, 4), routed=st.sets(st.integers(0, 4)), start=st.integers(-3, 3), lasts=st.none() | DAYS)
def test_one_step_makes_what_two_steps_make(open_: int, routed: set[int], start: int, lasts: int | None) -> None:
    """Any branches, any routing, any period that is not over."""
    branches = tuple(Branch(f"18DS0{n}") for n in range(open_))
    routes = {Branch(f"18DS0{n}"): RoutingId(f"0000000700018DS0000{n + 1}") for n in routed}
    request = GrantRequest(
        brin=Brin("18DS"),
        service_code=ServiceCode("VVA"),
        supplier_oin=SUPPLIER,
        start_date=AT.today + timedelta(days=start),
        end_date=None if lasts is None else AT.today + timedelta(days=max(start, 0) + lasts),
    )
    system = System(supplier_oin=SUPPLIER, name="A", service_codes=frozenset(["VVA"]), code=SystemCode("A"))
    draft = replace(to_mandate(request, system, AT.now), routes=routes)
    expected = derive_events([draft], {draft.id: GRANT}, branches, now=AT.now, today=AT.today)
    assert [grant_alone(request, system, draft.id, AT, routes, branches)] == expected
