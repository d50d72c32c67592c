"""Laws of a unit's current state as one message: never an old one, never twice, an end is an end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.ids import delivery_id
from hub.domain.kinds import Kind
from hub.domain.planning import DestinationRef, Planned, SubscriptionFilter
from hub.domain.restating import (
    DestinationKind,
    LaneUnitState,
    SkipReason,
    UnitEvents,
    kind_to_send,
    newest_event,
    restatement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MANDATE, CAUSE, EARLIER = UUID(int=1), UUID(int=2), UUID(int=3)
LAS = DestinationRef(id=7, name="las:00000099000000001000")
KEY = (7, "18DS", MANDATE, "18DS01")
G, A, W, S, E = Kind.GRANTED, Kind.AMENDED, Kind.WITHDRAWN, Kind.STARTED, Kind.EXPIRED


def unit_events(
    newest: Mapping[Kind, int],
    destination: DestinationKind = DestinationKind.WEBHOOK,
    subscription: SubscriptionFilter | None = None,
) -> UnitEvents:
    """Say which number the newest event of each kind has; its id is its number."""
    return UnitEvents(
        destination=LAS,
        destination_kind=destination,
        subscription=subscription,
        service_code="RIO",
        newest={kind: (number, UUID(int=number << 80)) for kind, number in newest.items()},
    )


@pytest.mark.parametrize(
    ("said", "last_taken", "told_as"),
    [
        (A, None, G), (A, G, A), (A, W, G), (A, E, G), (G, None, G), (G, G, G), (G, W, G), (S, None, G), (S, G, S),
        (W, None, W), (W, G, W), (W, W, W), (E, None, E), (E, G, E),
    ],
)  # fmt: skip
def test_a_unit_is_granted_to_whom_it_is_news_and_ends_as_it_ended(
    said: Kind, last_taken: Kind | None, told_as: Kind
) -> None:
    """Written out by hand: what was said last, what the receiver took last, and as what the state is told."""
    assert kind_to_send(said, last_taken) is told_as


def test_the_message_carries_the_newest_event_and_stands_for_the_newest_delivery() -> None:
    """Its id is computed from that event, the destination, the branch and the cause."""
    told = LaneUnitState(last_taken=G, newest=EARLIER)
    planned = restatement(KEY, unit_events({G: 1, A: 4}), told, CAUSE)
    assert isinstance(planned, Planned)
    assert (planned.event_number, planned.kind, planned.replay_of, planned.cause) == (4, A, EARLIER, CAUSE)
    assert planned.id == delivery_id(UUID(int=4 << 80), LAS.name, "18DS01", CAUSE)
    assert (planned.brin, planned.branch, planned.destination) == ("18DS", "18DS01", LAS)


def test_a_queue_hears_no_calendar() -> None:
    """The dates are in what it was told; a system hears of both."""
    assert newest_event(unit_events({A: 3, S: 4, E: 9}, DestinationKind.QUEUE)) == (A, 3, UUID(int=3 << 80))
    assert newest_event(unit_events({A: 3, S: 4, E: 9})) == (E, 9, UUID(int=9 << 80))
    assert restatement(KEY, unit_events({S: 4}, DestinationKind.QUEUE), LaneUnitState(), CAUSE) is SkipReason.SILENT


def test_copies_are_what_their_subscription_asks_for() -> None:
    """Without one there is nothing to say; with one, of its services and types only."""
    wants = SubscriptionFilter(services=frozenset({"RIO"}), types=("*.granted.v1", "*.withdrawn.v1"), reports=True)
    others = SubscriptionFilter(services=frozenset({"VERZUIM"}), types=("*",), reports=True)
    assert newest_event(unit_events({G: 1, A: 2}, DestinationKind.COPIES, wants)) == (G, 1, UUID(int=1 << 80))
    assert newest_event(unit_events({G: 1, A: 2}, DestinationKind.COPIES, others)) is None
    assert newest_event(unit_events({G: 1, A: 2}, DestinationKind.COPIES)) is None


@pytest.mark.parametrize(
    ("destination", "newest", "subscription", "expects"),
    [
        (DestinationKind.QUEUE, {W: 1}, None, True),
        (DestinationKind.WEBHOOK, {G: 1}, None, True),
        (DestinationKind.WEBHOOK, {G: 1}, SubscriptionFilter(services=frozenset(), types=(), reports=False), False),
        (DestinationKind.WEBHOOK, {W: 1}, None, False),
        (
            DestinationKind.COPIES,
            {G: 1},
            SubscriptionFilter(services=frozenset({"RIO"}), types=("*",), reports=True),
            False,
        ),
    ],
)
def test_reports_are_expected_as_for_any_other_message(
    destination: DestinationKind, newest: Mapping[Kind, int], subscription: SubscriptionFilter | None, *, expects: bool
) -> None:
    """From DUO always, from a system on what asks something of it, on copies never."""
    planned = restatement(KEY, unit_events(newest, destination, subscription), LaneUnitState(), CAUSE)
    assert isinstance(planned, Planned)
    assert planned.expects_report is expects


def test_what_waits_with_the_newest_state_is_not_doubled() -> None:
    """Only something that waits with an older state needs a successor."""
    news = unit_events({G: 1, A: 4})
    assert restatement(KEY, news, LaneUnitState(waits_with=4), CAUSE) is SkipReason.COVERED
    assert isinstance(restatement(KEY, news, LaneUnitState(waits_with=1), CAUSE), Planned)


def test_a_cause_has_its_say_once() -> None:
    """Whatever happened since: another replay has another cause."""
    assert restatement(KEY, unit_events({G: 1, W: 2}), LaneUnitState(was_restated=True), CAUSE) is SkipReason.REPEATED


@given(
    newest=st.dictionaries(st.sampled_from(Kind), st.integers(1, 50), min_size=1),
    last_taken=st.none() | st.sampled_from(Kind),
    waits_with=st.none() | st.integers(1, 50),
    destination=st.sampled_from([DestinationKind.QUEUE, DestinationKind.WEBHOOK]),
)
def test_no_authorisation_comes_back(
    newest: dict[Kind, int], last_taken: Kind | None, waits_with: int | None, destination: DestinationKind
) -> None:
    """Whatever was said and taken: the highest number that is heard is told, and after an end only the end."""
    numbered = {kind: number * 5 + index for index, (kind, number) in enumerate(newest.items())}
    heard = {kind: n for kind, n in numbered.items() if destination is DestinationKind.WEBHOOK or not kind.is_calendar}
    answer = restatement(
        KEY, unit_events(numbered, destination), LaneUnitState(last_taken=last_taken, waits_with=waits_with), CAUSE
    )
    if not isinstance(answer, Planned):
        assert answer is (SkipReason.COVERED if heard else SkipReason.SILENT)
        return
    last = max(heard, key=lambda kind: heard[kind])
    assert answer.event_number == heard[last]
    assert (answer.kind is last) if last.is_end else not answer.kind.is_end
