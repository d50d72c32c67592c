"""From events to deliveries: who gets what, under which id, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hub.domain.ids import change_id, delivery_id, lowest_at, new_id, time_of
from hub.domain.kinds import Kind
from hub.domain.planning import DestinationRef, Directory, EventToPlan, SubscriptionFilter, UnitMessage, plan_deliveries
from schemas.kinds import EventType

AT = datetime(2026, 11, 23, 9, 0, 0, 123000, tzinfo=UTC)
EVENT = UUID("019ab000-0000-7000-8000-000000000001")
LAS = "00000099000000001000"
RIO = DestinationRef(id=3, name="duo:rio")
HOOK = DestinationRef(id=7, name=f"las:{LAS}")
COPY = DestinationRef(id=8, name=f"las-copy:{LAS}")


def directory(subscription: SubscriptionFilter | None = None) -> Directory:
    """One queue, one system."""
    return Directory(
        queues={"RIO": RIO},
        webhooks={LAS: HOOK},
        copies={LAS: COPY},
        subscriptions={LAS: subscription} if subscription else {},
    )


def event(service: str, *units: tuple[str, Kind]) -> EventToPlan:
    """Make the school's 42nd event."""
    return EventToPlan(
        brin="18DS", number=42, id=EVENT, service_code=service, system_code=LAS,
        units=[UnitMessage(branch=branch, kind=kind) for branch, kind in units],
    )  # fmt: skip


def plan(told: EventToPlan, subscription: SubscriptionFilter | None = None) -> list[tuple[str, str, str, bool]]:
    """Plan one event and keep what matters: destination, branch, kind, whether a report is due."""
    planned = plan_deliveries([told], directory(subscription))
    return [(p.destination.name, p.branch, p.kind.value, p.expects_report) for p in planned]


def test_a_duo_service_goes_to_its_queue_and_expects_a_report() -> None:
    """Each unit is a message of its own."""
    told = event("RIO", ("18DS00", Kind.GRANTED), ("", Kind.AMENDED))
    assert plan(told) == [("duo:rio", "18DS00", "granted", True), ("duo:rio", "", "amended", True)]


def test_duo_does_not_hear_what_the_calendar_says() -> None:
    """The dates were in the messages before."""
    assert plan(event("RIO", ("", Kind.STARTED), ("18DS01", Kind.EXPIRED))) == []


def test_a_las_hears_all_and_reports_on_grants_and_amendments_only() -> None:
    """Started, expired and withdrawn are done when delivered."""
    units = [("", kind) for kind in Kind if kind is not Kind.RESULT]
    assert [(kind, expects) for _, _, kind, expects in plan(event("VVA", *units))] == [
        ("granted", True), ("amended", True), ("withdrawn", False), ("started", False), ("expired", False),
    ]  # fmt: skip


def test_a_las_that_reports_nothing_is_done_when_delivered() -> None:
    """`reports: false` is the subscription's word."""
    silent = SubscriptionFilter(services=frozenset({"VVA"}), types=("nl.osr.mandate.*",), reports=False)
    assert plan(event("VVA", ("", Kind.GRANTED)), silent) == [(f"las:{LAS}", "", "granted", False)]


def test_a_copy_is_made_for_whoever_asked_for_service_and_type() -> None:
    """Copies have a lane of their own and end with their delivery."""
    asks = SubscriptionFilter(
        services=frozenset({"RIO"}), types=("nl.osr.mandate.granted.v1", "*.expired.v1"), reports=True
    )
    assert plan(event("RIO", ("", Kind.GRANTED)), asks) == [
        ("duo:rio", "", "granted", True), (f"las-copy:{LAS}", "", "granted", False),
    ]  # fmt: skip
    assert plan(event("RIO", ("", Kind.AMENDED)), asks) == [("duo:rio", "", "amended", True)]
    assert plan(event("RIO", ("", Kind.EXPIRED)), asks) == [(f"las-copy:{LAS}", "", "expired", False)]


def test_ids_are_computed_and_carry_the_events_time() -> None:
    """Planning again gives the same id; another destination, branch or cause gives another."""
    made = new_id(AT)
    assert time_of(made) == AT
    assert made.version == 7
    first = delivery_id(made, "duo:rio", "")
    assert first == delivery_id(made, "duo:rio", "")
    assert time_of(first) == AT
    assert first.version == 7
    others = {
        delivery_id(made, "duo:rio", "18DS00"),
        delivery_id(made, "duo:bron-po", ""),
        delivery_id(made, "duo:rio", "", EVENT),
    }
    assert len(others | {first}) == 4
    assert lowest_at(AT) <= first
    assert change_id(first, "delivered", "x") != change_id(first, "processed", "x")


def test_a_known_id_stays_what_it_was() -> None:
    """Ids are remembered by receivers: this one is written down."""
    assert str(delivery_id(EVENT, "duo:rio", "18DS00")) == "019ab000-0000-7745-a269-b0fe1c8146c9"


def test_kinds_are_the_published_types() -> None:
    """The two lists cannot drift apart."""
    assert {kind.type for kind in Kind if kind is not Kind.RESULT} == {
        t.value for t in EventType if ".mandate." in t.value
    }
