"""The result of each change of the demo. In: the mandates, and the API. Out: a few lines per case, and problems.

A case without the expected result is a fault of the hub: the demo prints it and ends with an error.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.simulators.back_office import needs_school_action
from schemas.kinds import EventType, ReportStatus

if TYPE_CHECKING:
    from hub.demo.schools import DemoPlan, DemoSchools
    from hub.demo.story import StoryMandates
    from hub.simulators.hub import HubClient

Delivery = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case: its title, its result in lines, and the problem, if any."""

    title: str
    lines: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotableDeliveries:
    """Deliveries with another result than `processed`: one of each kind, where there is one."""

    rejected: Delivery | None
    signalled: Delivery | None
    stepped: Delivery | None


async def find_notable(hub: HubClient, plan: DemoPlan) -> NotableDeliveries:
    """Return one rejection, one delivery with a signal, and one that waited for the school's step in its LAS."""
    active = await _list(hub, f"destination=las:{plan.home.oin}&status=activated&limit=1000")
    stepped = [delivery for delivery in active if needs_school_action(delivery["id"])]
    return NotableDeliveries(
        rejected=await _read_delivery(hub, await _list(hub, "status=rejected&limit=1")),
        signalled=await _read_delivery(hub, await _list(hub, "status=processed_with_signal&limit=1")),
        stepped=await _read_delivery(hub, stepped),
    )


async def check_cases(
    hub: HubClient, chosen: DemoSchools, story: StoryMandates, plan: DemoPlan, found: NotableDeliveries
) -> list[Case]:
    """Return every case with its result, in the order of the changes."""
    return [
        await _branched(hub, chosen, story),
        await _shared(hub, chosen, plan),
        await _moved(hub, chosen, story, plan),
        await _future(hub, story),
        _stepped(found.stepped),
        _remarked("DUO rejects a message, and says why", found.rejected),
        _remarked("DUO processes a message, with a remark", found.signalled),
    ]


async def _branched(hub: HubClient, chosen: DemoSchools, story: StoryMandates) -> Case:
    sent = await _list(hub, f"mandateId={story.branched['id']}")
    told_branches = [delivery["branch"] for delivery in sent]
    return Case(
        title=f"{chosen.branched.brin} has {len(chosen.branched.branches)} branches, each with its own administration",
        lines=tuple(f"{one['branch']} by {one['routingId']}: {_status(one)}" for one in sent),
        problem=None
        if told_branches == list(chosen.branched.branches) and all(one["status"] == "activated" for one in sent)
        else f"the branches told were {told_branches}",
    )


async def _shared(hub: HubClient, chosen: DemoSchools, plan: DemoPlan) -> Case:
    status = await hub.call("GET", f"/schools/{chosen.shared.brin}/status")
    waiting = [
        branch["branch"]
        for branch in status["branches"]
        for cell in branch["cells"]
        if cell["coverage"] == "needs_routing" and cell["supplierOin"] == plan.other.oin
    ]
    first, second, *rest = chosen.shared.branches
    return Case(
        title=f"{chosen.shared.brin} gives a second system a mandate while the first keeps its own",
        lines=(
            f"{first} goes to {plan.home.name} and {second} to {plan.other.name}, by routing characteristic",
            f"{', '.join(waiting)} needs routing: {plan.other.name} is not told until the school says whose it is",
        ),
        problem=None if waiting == rest else f"the branches that need routing are {waiting}",
    )


async def _moved(hub: HubClient, chosen: DemoSchools, story: StoryMandates, plan: DemoPlan) -> Case:
    ends = await _list_of_mandates(hub, [mandate["id"] for mandate in story.withdrawn])
    starts = await _list_of_mandates(hub, [mandate["id"] for mandate in story.granted])
    ended = [one for one in ends if one["type"] == EventType.WITHDRAWN and one["status"] == "delivered"]
    begun = Counter(one["status"] for one in starts if one["destination"] == f"las:{plan.other.oin}")
    schools = {one["brin"] for one in starts}
    board = chosen.moving[0].board
    is_whole = {one["brin"] for one in ended} == {one["brin"] for one in ends} and len(schools) == len(chosen.moving)
    return Case(
        title=f"board {board} ({len(schools)} schools) goes from {plan.home.name} to {plan.other.name}",
        lines=(
            f"{plan.home.name} is told {len(ended)} times that it ends",
            f"{plan.other.name} is told {begun.total()} times that it begins: {_counted(begun)}",
        ),
        problem=None if is_whole and set(begun) == {"activated"} else "not every school's change arrived",
    )


async def _future(hub: HubClient, story: StoryMandates) -> Case:
    sent = await _list(hub, f"mandateId={story.future['id']}")
    future, state = story.future, story.future["state"]
    return Case(
        title=f"{future['brin']} gives a mandate for {future['serviceCode']} from {future['startDate']}",
        lines=tuple(f"it is {state}, and {one['destination']} knows already: {_status(one)}" for one in sent),
        problem=None
        if state == "future" and len(sent) == 1
        else f"the mandate is {state} and was told {len(sent)} times",
    )


def _stepped(delivery: Delivery | None) -> Case:
    title = "a school has a step to do in its LAS before VVA works"
    if delivery is None:
        return Case(title=title, lines=("no school had one this time",))
    story = [one for one in delivery["reports"] if one["applied"]]
    passed = [(_parse_time(one["reportedAt"]) - _parse_time(delivery["deliveredAt"])).total_seconds() for one in story]
    course = [
        f"{one['status'].replace('_', ' ')} after {seconds:.1f} s" for one, seconds in zip(story, passed, strict=True)
    ]
    statuses = [one["status"] for one in story]
    return Case(
        title=title,
        lines=(f"{delivery['brin']}: delivered, then " + ", then ".join(course),),
        problem=None
        if statuses == [ReportStatus.IN_PROGRESS, ReportStatus.ACTIVATED]
        else f"its reports were {statuses}",
    )


def _remarked(title: str, delivery: Delivery | None) -> Case:
    if delivery is None:
        return Case(title=title, lines=("it had nothing of the kind this time",))
    signals = [signal for one in delivery["reports"] for signal in one["signals"]]
    said = tuple(f"{one['kind']} {one['code']}: {one['text']}" for one in signals)
    where = f"{delivery['brin']}, {delivery['serviceCode']}: {_status(delivery)}"
    return Case(title=title, lines=(where, *said), problem=None if said else f"{delivery['id']} has no remark with it")


async def _list(hub: HubClient, query: str) -> list[Delivery]:
    found: list[Delivery] = (await hub.call("GET", f"/deliveries?{query}"))["items"]
    return found


async def _list_of_mandates(hub: HubClient, mandates: list[str]) -> list[Delivery]:
    found = [await _list(hub, f"mandateId={mandate}") for mandate in mandates]
    return [delivery for deliveries in found for delivery in deliveries]


async def _read_delivery(hub: HubClient, found: list[Delivery]) -> Delivery | None:
    if not found:
        return None
    whole: Delivery = await hub.call("GET", f"/deliveries/{found[0]['id']}")
    return whole


def _status(delivery: Delivery) -> str:
    return str(delivery["status"]).replace("_", " ")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.most_common())


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
