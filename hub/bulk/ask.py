"""Somebody wants a replay or a cancellation. In: filters. Out: counts and samples, or an act with its list of items.

A preview and an act count alike; the act stores what the preview shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub.bulk.noted import pressed
from hub.domain.bulk import NOTHING_BEGUN, Begun, BulkKind, Choice, Counted, count, first_state
from hub.domain.ids import new_id
from hub.domain.planning import Planned
from hub.errors import FieldError, InvalidInput
from hub.observe.shown import not_open
from hub.restate import foresee
from hub.store import audit, bulk, observe, operations, people
from hub.store.bulk import Act, Chosen
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from hub.domain.restating import UnitKey
    from hub.operate import Press
    from hub.store.pool import Connection

SAMPLES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants: which deliveries, and how many a second at most."""

    kind: BulkKind
    chosen: Chosen
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What it would come to, after what whoever asks has begun; `sample` as it is shown."""

    counted: Counted
    sample: list[dict[str, Any]]
    before: Begun = NOTHING_BEGUN


async def preview(c: Connection, wanted: Wanted, cause: UUID, actor: str | None = None) -> Preview:
    """Count what an act would do and show samples; changes nothing. `cause` is the id that the act would have.

    With an `actor` it also says what that one has begun before.
    Raises `InvalidInput` for a destination or schools that do not exist, and when nothing was chosen.
    """
    destination = await _check(c, wanted.chosen)
    places = await observe.places(c)
    only_waiting = wanted.kind is BulkKind.CANCELLATION
    choices = await bulk.choose(c, wanted.chosen, destination, not_open(places), only_waiting=only_waiting)
    names = {place.id: place.name for place in places}
    before = NOTHING_BEGUN if actor is None else await _begun(c, wanted.kind, actor)
    if only_waiting:
        counted = count(choices, {choice.unit for choice in choices})
        sample = [_sample(choice, names) for choice in counted.todo[:SAMPLES]]
    else:
        sends = await _sends(c, choices, cause)
        counted = count(choices, sends)
        sample = [{**_sample(choice, names), "sends": sends[choice.unit]} for choice in counted.todo[:SAMPLES]]
    return Preview(counted=counted, sample=sample, before=before)


async def ask(c: Connection, wanted: Wanted, press: Press, four_eyes_above: int) -> Act:
    """Store an act and what it has to do; above so many deliveries it waits for another person.

    What the same person began alone in the last day counts with it. The caller owns the transaction, which makes others
    of that person wait: two that are begun at once count each other.
    """
    act_id = new_id(press.at)
    found = await preview(c, wanted, act_id)
    person = await people.pseudonym(c, press.actor, press.at)
    before = await bulk.hold_begun(c, wanted.kind, person)
    act = Act(
        id=act_id,
        kind=wanted.kind,
        chosen=write_chosen(wanted.chosen),
        reason=press.reason or "",
        rate=wanted.rate,
        state=first_state(len(found.counted.todo), before, four_eyes_above),
        asked_by=person,
        asked_at=press.at,
        matched=found.counted.matched,
        superseded=found.counted.superseded,
        todo=len(found.counted.todo),
        ends=found.counted.ends,
        sample=found.sample,
        next_at=press.at,
        before=before,
    )
    entered = await bulk.enter(c, act, found.counted)
    await audit.write_all(c, pressed(entered, press, "asked", (None, entered.state)))
    return entered


def write_chosen(chosen: Chosen) -> dict[str, Any]:
    """Write filters as they are shown."""
    return {
        "destination": chosen.destination,
        "brins": _texts(chosen.brins),
        "mandateIds": _texts(chosen.mandate_ids),
        "deliveryIds": _texts(chosen.delivery_ids),
        "statuses": _texts(chosen.statuses),
        "from": None if chosen.planned_from is None else write_time(chosen.planned_from),
        "to": None if chosen.planned_until is None else write_time(chosen.planned_until),
    }


async def _begun(c: Connection, kind: BulkKind, actor: str) -> Begun:
    person = await people.known(c, actor)
    return NOTHING_BEGUN if person is None else await bulk.read_begun(c, kind, person)


async def _sends(c: Connection, choices: list[Choice], cause: UUID) -> dict[UnitKey, str]:
    answers = await foresee(c, [choice.unit for choice in choices], cause)
    return {unit: answer.kind.type for unit, answer in answers.items() if isinstance(answer, Planned)}


async def _check(c: Connection, chosen: Chosen) -> int | None:
    faults = list(_faults(chosen))
    destination = None if chosen.destination is None else await operations.find_destination(c, chosen.destination)
    if chosen.destination is not None and destination is None:
        detail = f"no destination {chosen.destination}; `osr-hub lag` names them"
        faults.append(FieldError(field="/destination", code="unknown_destination", detail=detail))
    unknown = await operations.unknown_schools(c, chosen.brins or ())
    faults += [
        FieldError(field=f"/brins/{nth}", code="unknown_school", detail=f"school {brin} is not in the register")
        for nth, brin in enumerate(chosen.brins or ())
        if brin in unknown
    ]
    if faults:
        raise InvalidInput(faults)
    return destination


def _faults(chosen: Chosen) -> Iterator[FieldError]:
    if chosen == Chosen():
        detail = "say which deliveries: by destination, school, mandate, delivery, status or period"
        yield FieldError(field="", code="nothing_chosen", detail=detail)
    low, high = chosen.planned_from, chosen.planned_until
    if low is not None and high is not None and high < low:
        yield FieldError(field="/to", code="before_from", detail="the period ends before it begins")


def _sample(choice: Choice, names: Mapping[int, str]) -> dict[str, Any]:
    destination, brin, mandate_id, branch = choice.unit
    return {
        "deliveryId": str(choice.delivery_id),
        "destination": names.get(destination, str(destination)),
        "brin": brin,
        "branch": branch or None,
        "mandateId": str(mandate_id),
        "mandateVersion": choice.mandate_version,
    }


def _texts(given: Any) -> list[str] | None:  # noqa: ANN401 - identifiers of several kinds
    return None if given is None else [str(each) for each in given]
