"""Which units a mandate has, and what is told of them: cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from hub.domain.change import GRANT, WITHDRAWAL, ChangeCause, NewEvent, apply_dates, derive_events
from hub.domain.coverage import compute
from hub.domain.kinds import Kind
from hub.domain.mandate import Mandate, next_date, overlaps, state
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode, SystemCode
from schemas.kinds import Change, MandateState

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
B0, B1, B2 = (Branch(f"18DS0{n}") for n in range(3))
BRANCHES = (B0, B1, B2)
ONE, OTHER = Oin("00000099000000001000"), Oin("00000099000000002000")


def routing(index: int) -> RoutingId:
    """Write a routing characteristic of 18DS."""
    return RoutingId(f"0000000700018DS{index:05d}")


def mandate(
    n: int,
    supplier: Oin = ONE,
    *,
    start: date = TODAY,
    end: date | None = None,
    routes: dict[Branch, RoutingId] | None = None,
) -> Mandate:
    """Make the `n`th mandate, as nothing was told of it yet."""
    return Mandate(
        id=UUID(int=n),
        brin=Brin("18DS"),
        service_code=ServiceCode("VVA"),
        supplier_oin=supplier,
        start_date=start,
        end_date=end,
        created_at=NOW,
        updated_at=NOW,
        routes=routes or {},
    )


def told(event: NewEvent) -> list[tuple[str, str, tuple[str, ...]]]:
    """Show the messages of an event: unit, type, branches."""
    return [(m.unit.branch, m.kind.value, m.unit.covers) for m in event.messages]


def grant(*mandates: Mandate, today: date = TODAY) -> list[NewEvent]:
    """Grant the last of these mandates."""
    return derive_events(mandates, {mandates[-1].id: GRANT}, BRANCHES, now=NOW, today=today)


def test_a_mandate_without_routing_has_the_whole_school_as_its_rest() -> None:
    """The rest of a school without routing is the school."""
    (event,) = grant(mandate(1))
    assert told(event) == [("", "granted", BRANCHES)]
    assert event.covered_branches == ((B0, None), (B1, None), (B2, None))
    assert (event.mandate.version, event.changes, event.state) == (1, (Change.GRANTED,), MandateState.ACTIVE)


def test_a_routed_branch_is_a_unit_and_leaves_the_rest() -> None:
    """Naming a branch assigns routing; the mandate still covers the whole school."""
    (event,) = grant(mandate(1, routes={B1: routing(1)}))
    assert told(event) == [(B1, "granted", (B1,)), ("", "granted", (B0, B2))]
    assert event.covered_branches == ((B0, None), (B1, routing(1)), (B2, None))


def test_an_empty_rest_is_no_unit() -> None:
    """A school with all branches routed has no rest."""
    (event,) = grant(mandate(1, routes={b: routing(i + 1) for i, b in enumerate(BRANCHES)}))
    assert told(event) == [(b, "granted", (b,)) for b in BRANCHES]


def test_a_second_supplier_withholds_its_rest_and_shrinks_the_first_ones() -> None:
    """A rest already told keeps hearing; one never told waits until it is clear whose it is."""
    first = grant(mandate(1))[0].mandate
    granted, amended = grant(first, mandate(2, OTHER, routes={B2: routing(1)}))
    assert told(granted) == [(B2, "granted", (B2,))]
    assert granted.covered_branches == ((B0, None), (B1, None), (B2, routing(1)))
    assert told(amended) == [("", "amended", (B0, B1))]
    assert (amended.mandate.id, amended.mandate.version, amended.changes) == (first.id, 2, (Change.BRANCHES,))


def test_a_withheld_rest_raises_an_event_without_messages() -> None:
    """The grant is recorded and numbered, though nobody may hear of it yet."""
    first = grant(mandate(1))[0].mandate
    (event,) = grant(first, mandate(2, OTHER))
    assert (told(event), event.mandate.version, event.mandate.units[0].told) == ([], 1, False)


def test_a_withheld_rest_is_granted_when_the_other_mandate_is_withdrawn() -> None:
    """The first message about a unit is `granted`, whatever the event is."""
    first = grant(mandate(1))[0].mandate
    second = grant(first, mandate(2, OTHER))[0].mandate
    gone = replace(first, withdrawn_at=NOW)
    ended, freed = derive_events([gone, second], {gone.id: WITHDRAWAL}, BRANCHES, now=NOW, today=TODAY)
    assert told(ended) == [("", "withdrawn", BRANCHES)]
    assert (freed.kind, told(freed), freed.mandate.version) == (Kind.AMENDED, [("", "granted", BRANCHES)], 2)


def test_a_withdrawn_mandate_remembers_what_it_covered() -> None:
    """An end lists what ended."""
    first = grant(mandate(1, routes={B0: routing(7)}))[0].mandate
    (ended,) = derive_events([replace(first, withdrawn_at=NOW)], {first.id: WITHDRAWAL}, BRANCHES, now=NOW, today=TODAY)
    assert told(ended) == [(B0, "withdrawn", (B0,)), ("", "withdrawn", (B1, B2))]
    assert ended.covered_branches == ((B0, routing(7)), (B1, None), (B2, None))
    assert (ended.state, ended.mandate.next_date) == (MandateState.WITHDRAWN, None)
    assert not any(unit.told for unit in ended.mandate.units)


def test_losing_its_routing_a_branch_ends_as_a_unit_and_joins_the_rest() -> None:
    """A unit that ends before the mandate's end date ends with `withdrawn`, also while the mandate lives."""
    first = grant(mandate(1, routes={B0: routing(1)}))[0].mandate
    act = ChangeCause(kind=Kind.AMENDED, changes=(Change.ROUTING,))
    (event,) = derive_events([replace(first, routes={})], {first.id: act}, BRANCHES, now=NOW, today=TODAY)
    assert told(event) == [(B0, "withdrawn", (B0,)), ("", "amended", BRANCHES)]
    assert event.changes == (Change.ROUTING,)


def test_mandates_that_follow_each_other_are_not_ambiguous() -> None:
    """Until 31 July the one, from 1 August the other: both are told at once."""
    first = grant(mandate(1, end=date(2027, 7, 31)))[0].mandate
    (event,) = grant(first, mandate(2, OTHER, start=date(2027, 8, 1)))
    assert told(event) == [("", "granted", BRANCHES)]
    assert (event.state, event.mandate.next_date) == (MandateState.FUTURE, date(2027, 8, 1))


def test_two_mandates_of_one_supplier_are_never_ambiguous_to_each_other() -> None:
    """Ambiguity is between suppliers."""
    coverage = compute([mandate(1), mandate(2)], BRANCHES, TODAY)
    assert [cover.ambiguous for cover in coverage.values()] == [False, False]


def test_on_the_first_of_august_the_one_expires_the_other_starts() -> None:
    """Ends are told before starts; a start says `started` to what was told, and DUO needs neither."""
    first = grant(mandate(1, end=date(2027, 7, 31)))[0].mandate
    second = grant(first, mandate(2, OTHER, start=date(2027, 8, 1)))[0].mandate
    mandates, (expired, started) = apply_dates([second, first], BRANCHES, now=NOW, today=date(2027, 8, 1))
    assert (expired.mandate.id, told(expired)) == (first.id, [("", "expired", BRANCHES)])
    assert (expired.state, expired.mandate.next_date) == (MandateState.ENDED, None)
    assert (started.mandate.id, told(started)) == (second.id, [("", "started", BRANCHES)])
    assert {m.version for m in mandates} == {2}


def test_a_date_arrives_once() -> None:
    """What was told is not told again."""
    first = grant(mandate(1, end=TODAY))[0].mandate
    tomorrow = TODAY + timedelta(days=1)
    mandates, raised = apply_dates([first], BRANCHES, now=NOW, today=tomorrow)
    assert [event.kind for event in raised] == [Kind.EXPIRED]
    assert apply_dates(mandates, BRANCHES, now=NOW, today=tomorrow) == (mandates, [])


def test_a_mandate_that_started_and_ended_while_nothing_ran_is_told_both() -> None:
    """Days that passed are told in their order, each as it was on its day."""
    first = grant(mandate(1, start=date(2026, 12, 1), end=date(2026, 12, 31)))[0].mandate
    _, raised = apply_dates([first], BRANCHES, now=NOW, today=date(2027, 3, 1))
    assert [(event.kind, event.state) for event in raised] == [
        (Kind.STARTED, MandateState.ACTIVE),
        (Kind.EXPIRED, MandateState.ENDED),
    ]
    assert [event.mandate.version for event in raised] == [2, 3]


def test_when_the_overlap_runs_out_the_withheld_rest_is_granted() -> None:
    """An expiry is computed for all mandates of the service at once."""
    first = grant(mandate(1, end=date(2026, 12, 31)))[0].mandate
    second = grant(first, mandate(2, OTHER))[0].mandate
    _, (expired, amended) = apply_dates([first, second], BRANCHES, now=NOW, today=date(2027, 1, 1))
    assert told(expired) == [("", "expired", BRANCHES)]
    assert (amended.kind, told(amended)) == (Kind.AMENDED, [("", "granted", BRANCHES)])


def test_a_routed_branch_of_another_mandate_that_does_not_overlap_stays_in_the_rest() -> None:
    """Only mandates that share a day take branches from each other."""
    later = mandate(2, OTHER, start=date(2027, 8, 1), routes={B0: routing(1)})
    coverage = compute([mandate(1, end=date(2027, 7, 31)), later], BRANCHES, TODAY)
    assert coverage[UUID(int=1)].units[0].covers == BRANCHES


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 12, 1), None, date(2026, 12, 1)),
        (TODAY, date(2026, 12, 31), date(2027, 1, 1)),
        (TODAY, TODAY, date(2026, 11, 24)),
        (TODAY, None, None),
        (date(2020, 1, 1), date(2026, 11, 22), None),
        (TODAY, date.max, None),
    ],
)
def test_the_calendar_speaks_next_at_the_start_or_the_day_after_the_end(
    start: date, end: date | None, expected: date | None
) -> None:
    """The end date is the last day included; the last day of all has no day after it."""
    assert next_date(mandate(1, start=start, end=end), TODAY) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 11, 24), None, MandateState.FUTURE),
        (TODAY, TODAY, MandateState.ACTIVE),
        (date(2026, 1, 1), date(2026, 11, 22), MandateState.ENDED),
    ],
)
def test_a_state_follows_from_the_dates(start: date, end: date | None, expected: MandateState) -> None:
    """Both dates belong to the period."""
    assert state(mandate(1, start=start, end=end), TODAY) is expected


def test_periods_overlap_only_from_today_on() -> None:
    """What lay together in the past is of no importance."""
    one, other = mandate(1, end=date(2026, 11, 22)), mandate(2, start=date(2026, 1, 1))
    assert not overlaps(replace(one, start_date=date(2026, 1, 1)), other, TODAY)
    assert overlaps(mandate(1, end=TODAY), mandate(2, start=TODAY), TODAY)


def test_two_systems_of_one_supplier_are_two_systems() -> None:
    """The rest that both claim is withheld from the second, as it is between suppliers."""
    first = grant(mandate(1))[0].mandate
    second = replace(mandate(2), system_code=SystemCode("een-speciaal"))
    events = grant(first, second)
    assert [(event.mandate.id, told(event)) for event in events] == [(second.id, [])]
    assert compute([first, second], BRANCHES, TODAY)[second.id].ambiguous
