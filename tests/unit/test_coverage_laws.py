"""Laws of units over any history of one school and one service: found by hypothesis, not by example."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.domain.change import GRANT, WITHDRAWAL, ChangeCause, NewEvent, apply_dates, derive_events
from hub.domain.kinds import Kind
from hub.domain.mandate import REST, Mandate, is_live, overlaps
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SUPPLIERS = tuple(Oin(f"0000009900000000{n}000") for n in (1, 2, 3))
DAYS = st.integers(0, 6)
PICK = st.integers(0, 99)


class School(RuleBasedStateMachine):
    """A school whose board, calendar and routing do anything they may, and everybody who hears of it."""

    @initialize(branches=st.integers(1, 4))
    def open_school(self, branches: int) -> None:
        """Start with some branches and no mandate."""
        self.branches = tuple(Branch(f"18DS0{n}") for n in range(branches))
        self.today = date(2026, 11, 23)
        self.mandates: dict[UUID, Mandate] = {}
        self.heard: dict[tuple[UUID, str], list[Kind]] = {}
        self.events: dict[UUID, int] = {}
        self.numbers = 0

    @rule(supplier=st.sampled_from(SUPPLIERS), start=DAYS, lasts=st.none() | DAYS, routed=st.sets(st.integers(0, 3)))
    def grant(self, supplier: Oin, start: int, lasts: int | None, routed: set[int]) -> None:
        """Grant a mandate, unless that supplier has one on one of its days."""
        first = self.today + timedelta(days=start)
        wish = Mandate(
            id=UUID(int=len(self.mandates) + 1),
            brin=Brin("18DS"),
            service_code=ServiceCode("VVA"),
            supplier_oin=supplier,
            start_date=first,
            end_date=None if lasts is None else first + timedelta(days=lasts),
            created_at=NOW,
            updated_at=NOW,
            routes={self.branches[n]: self._routing() for n in routed if n < len(self.branches)},
        )
        if not any(overlaps(wish, m, self.today) for m in self._live() if m.supplier_oin == supplier):
            self._settle(wish, GRANT)

    @precondition(lambda self: self._live())
    @rule(pick=PICK)
    def withdraw(self, pick: int) -> None:
        """Withdraw a mandate that lives."""
        self._settle(replace(self._pick(pick), withdrawn_at=NOW), WITHDRAWAL)

    @precondition(lambda self: self._live())
    @rule(pick=PICK, lasts=st.none() | DAYS)
    def amend_end(self, pick: int, lasts: int | None) -> None:
        """Move the end of a mandate, unless it would lie together with another of its supplier."""
        mandate = self._pick(pick)
        first = max(mandate.start_date, self.today)
        after = replace(mandate, end_date=None if lasts is None else first + timedelta(days=lasts))
        others = [m for m in self._live() if m.id != mandate.id and m.supplier_oin == mandate.supplier_oin]
        if not any(overlaps(after, other, self.today) for other in others):
            self._settle(after, ChangeCause(kind=Kind.AMENDED, changes=(Change.END_DATE,)))

    @precondition(lambda self: self._live())
    @rule(pick=PICK, branch=PICK)
    def route(self, pick: int, branch: int) -> None:
        """Give a branch a routing characteristic."""
        mandate = self._pick(pick)
        routes = {**mandate.routes, self.branches[branch % len(self.branches)]: self._routing()}
        self._settle(replace(mandate, routes=routes), ChangeCause(kind=Kind.AMENDED, changes=(Change.ROUTING,)))

    @precondition(lambda self: any(m.routes for m in self._live()))
    @rule(pick=PICK, branch=PICK)
    def unroute(self, pick: int, branch: int) -> None:
        """Take a routing characteristic away."""
        routed = [m for m in self._live() if m.routes]
        mandate = routed[pick % len(routed)]
        gone = sorted(mandate.routes)[branch % len(mandate.routes)]
        routes = {b: r for b, r in mandate.routes.items() if b != gone}
        self._settle(replace(mandate, routes=routes), ChangeCause(kind=Kind.AMENDED, changes=(Change.ROUTING,)))

    @rule(there=st.sets(st.integers(0, 3), min_size=1))
    def close_and_open_branches(self, there: set[int]) -> None:
        """Let other branches be open: nobody did something to a mandate, and each whose units change says so."""
        self.branches = tuple(Branch(f"18DS0{n}") for n in sorted(there))
        before = dict(self.mandates)
        raised = derive_events(list(before.values()), {}, self.branches, now=NOW, today=self.today)
        assert all(event.kind is Kind.AMENDED and event.changes == (Change.BRANCHES,) for event in raised)
        assert all(event.mandate.units != before[event.mandate.id].units for event in raised)
        self._hear(raised)

    @precondition(lambda self: self._live())
    @rule()
    def move_to_another_board(self) -> None:
        """Let the school go to another board: each mandate that lives says so once, and nothing else happens."""
        acts = {mandate.id: ChangeCause(kind=Kind.AMENDED, changes=(Change.BOARD,)) for mandate in self._live()}
        raised = derive_events(list(self.mandates.values()), acts, self.branches, now=NOW, today=self.today)
        assert {event.mandate.id: event.changes for event in raised} == dict.fromkeys(acts, (Change.BOARD,))
        self._hear(raised)

    @precondition(lambda self: self._live())
    @rule()
    def close_the_school(self) -> None:
        """End all mandates at once: whoever was told of a unit hears its end."""
        live = {mandate.id for mandate in self._live()}
        ended = [replace(m, withdrawn_at=NOW) if m.id in live else m for m in self.mandates.values()]
        raised = derive_events(ended, dict.fromkeys(live, WITHDRAWAL), (), now=NOW, today=self.today)
        assert {event.mandate.id for event in raised} == live
        self._hear(raised)
        assert not any(unit.told for mandate in self.mandates.values() for unit in mandate.units)

    @rule(days=st.integers(1, 4))
    def pass_days(self, days: int) -> None:
        """Let days pass one by one, and once more in one jump: the same must be told."""
        before = list(self.mandates.values())
        daily: list[NewEvent] = []
        for _ in range(days):
            self.today += timedelta(days=1)
            raised = apply_dates(list(self.mandates.values()), self.branches, now=NOW, today=self.today)[1]
            self._hear(raised)
            daily += raised
        mandates, raised = apply_dates(before, self.branches, now=NOW, today=self.today)
        assert {m.id: m for m in mandates} == self.mandates
        assert raised == daily

    @invariant()
    def whoever_was_told_and_not_of_an_end_holds_what_is_true(self) -> None:
        """Find in receivers' hands exactly the open units that the register holds as told."""
        held = {key for key, kinds in self.heard.items() if not kinds[-1].is_end}
        assert held == {(m.id, u.branch) for m in self.mandates.values() for u in m.units if u.told}

    @invariant()
    def only_an_ambiguous_rest_is_untold(self) -> None:
        """Find every unit of a living mandate told, but for a rest that another supplier may claim."""
        for mandate in self._live():
            untold = [unit.branch for unit in mandate.units if not unit.told]
            assert untold in ([], [REST])
            assert not untold or self._rivals(mandate)

    @invariant()
    def units_are_what_the_definition_says(self) -> None:
        """Find own routed branches by themselves, and in the rest what no mandate that shares a day has routed."""
        for mandate in self._live():
            sharing = [other for other in self._live() if self._share_a_day(mandate, other)]
            routed = {branch for other in sharing for branch in other.routes}
            rest = tuple(branch for branch in self.branches if branch not in routed)
            own = {branch: (branch,) for branch in mandate.routes if branch in self.branches}
            expected = own | ({REST: rest} if rest else {})
            assert {unit.branch: unit.covers for unit in mandate.units} == expected

    @invariant()
    def a_mandates_units_share_no_branch(self) -> None:
        """Each branch is in at most one unit of a mandate."""
        for mandate in self._live():
            covers = [branch for unit in mandate.units for branch in unit.covers]
            assert len(covers) == len(set(covers))

    @invariant()
    def versions_count_events(self) -> None:
        """Count as many events as a mandate has versions."""
        assert self.events == {m.id: m.version for m in self.mandates.values()}

    def _settle(self, mandate: Mandate, act: ChangeCause) -> None:
        mandates = [*(m for m in self.mandates.values() if m.id != mandate.id), mandate]
        raised = derive_events(mandates, {mandate.id: act}, self.branches, now=NOW, today=self.today)
        assert raised[0].mandate.id == mandate.id
        assert all(event.kind is Kind.AMENDED for event in raised[1:])
        self._hear(raised)

    def _hear(self, raised: Sequence[NewEvent]) -> None:
        self.mandates.update((event.mandate.id, event.mandate) for event in raised)
        for event in raised:
            self._check_everybody_hears(event)
            self.events[event.mandate.id] = self.events.get(event.mandate.id, 0) + 1
            for message in event.messages:
                kinds = self.heard.setdefault((event.mandate.id, message.unit.branch), [])
                fresh = not kinds or kinds[-1].is_end
                assert (message.kind is Kind.GRANTED) == fresh, "the first message about a unit, and only that"
                ambiguous = message.unit.branch == REST and self._rivals(event.mandate)
                assert not (fresh and ambiguous), "nobody is told of an ambiguous rest"
                kinds.append(message.kind)

    def _check_everybody_hears(self, event: NewEvent) -> None:
        told = {
            branch for (mid, branch), kinds in self.heard.items() if mid == event.mandate.id and not kinds[-1].is_end
        }
        spoken = [message.unit.branch for message in event.messages]
        assert len(spoken) == len(set(spoken))
        assert told <= set(spoken), "whoever was told of a unit hears every later change"

    def _live(self) -> list[Mandate]:
        return [m for m in getattr(self, "mandates", {}).values() if is_live(m, self.today)]

    def _rivals(self, mandate: Mandate) -> bool:
        return any(m.supplier_oin != mandate.supplier_oin and self._share_a_day(m, mandate) for m in self._live())

    def _share_a_day(self, one: Mandate, other: Mandate) -> bool:
        days = (self.today + timedelta(days=n) for n in range(40))
        return any(all(m.start_date <= day <= (m.end_date or day) for m in (one, other)) for day in days)

    def _pick(self, pick: int) -> Mandate:
        live = self._live()
        return live[pick % len(live)]

    def _routing(self) -> RoutingId:
        self.numbers += 1
        return RoutingId(f"0000000700018DS{self.numbers:05d}")


TestUnits = School.TestCase
TestUnits.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
