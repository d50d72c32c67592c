"""Request a replay or a cancellation. In: a selection. Out: counts and samples, or a job with its list of items.

A preview and a job count alike; the job stores what the preview shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub.domain.bulk import NO_RECENT_VOLUME, BulkEstimate, BulkKind, RecentVolume, SelectedUnit, estimate, first_state
from hub.domain.ids import new_id
from hub.domain.planning import Planned
from hub.errors import FieldError, InvalidInput
from hub.observe.shown import without_receiver
from hub.operations.bulk.audit import decision_entries
from hub.operations.restate import preview_restate
from hub.store import audit, bulk, observe, operations, people
from hub.store.bulk import BulkJob, BulkSelection
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from hub.access import Actor
    from hub.domain.restating import UnitKey
    from hub.store.pool import Connection

SAMPLE_SIZE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJobRequest:
    """A requested job: its kind, the selection, and the most deliveries a second."""

    kind: BulkKind
    chosen: BulkSelection
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPreview:
    """The estimate of a job, after what its requester has begun; `sample` as it is shown."""

    counted: BulkEstimate
    sample: list[dict[str, Any]]
    before: RecentVolume = NO_RECENT_VOLUME


async def preview(c: Connection, request: BulkJobRequest, cause: UUID, actor: str | None = None) -> BulkPreview:
    """Count what a job would do and return samples; changes nothing. `cause` is the id that the job would have.

    With an `actor`, the result includes what that person has begun before.
    Raises `InvalidInput` for a destination or schools that do not exist, and when nothing was chosen.
    """
    destination = await _check(c, request.chosen)
    destinations = await observe.read_destinations(c)
    only_waiting = request.kind is BulkKind.CANCELLATION
    choices = await bulk.choose(
        c, request.chosen, destination, without_receiver(destinations), only_waiting=only_waiting
    )
    names = {each.id: each.name for each in destinations}
    before = NO_RECENT_VOLUME if actor is None else await _recent_volume(c, request.kind, actor)
    if only_waiting:
        counted = estimate(choices, {choice.unit for choice in choices})
        sample = [_sample(choice, names) for choice in counted.todo[:SAMPLE_SIZE]]
    else:
        sends = await _sends(c, choices, cause)
        counted = estimate(choices, sends)
        sample = [{**_sample(choice, names), "sends": sends[choice.unit]} for choice in counted.todo[:SAMPLE_SIZE]]
    return BulkPreview(counted=counted, sample=sample, before=before)


async def submit(c: Connection, request: BulkJobRequest, actor: Actor, four_eyes_above: int) -> BulkJob:
    """Store a job with its items; above so many deliveries it awaits a second person's approval.

    What the same person began alone in the last day counts with it. The caller owns the transaction, which makes others
    of that person wait: two that are begun at once count each other.
    """
    job_id = new_id(actor.at)
    found = await preview(c, request, job_id)
    person = await people.pseudonym(c, actor.subject, actor.at)
    before = await bulk.lock_recent_volume(c, request.kind, person)
    job = BulkJob(
        id=job_id,
        kind=request.kind,
        chosen=selection_json(request.chosen),
        reason=actor.reason or "",
        rate=request.rate,
        state=first_state(len(found.counted.todo), before, four_eyes_above),
        asked_by=person,
        asked_at=actor.at,
        matched=found.counted.matched,
        superseded=found.counted.superseded,
        todo=len(found.counted.todo),
        ends=found.counted.ends,
        sample=found.sample,
        next_at=actor.at,
        before=before,
    )
    entered = await bulk.insert_job(c, job, found.counted)
    await audit.write_all(c, decision_entries(entered, actor, "asked", (None, entered.state)))
    return entered


def selection_json(chosen: BulkSelection) -> dict[str, Any]:
    """Return a selection as it is shown."""
    return {
        "destination": chosen.destination,
        "brins": _texts(chosen.brins),
        "mandateIds": _texts(chosen.mandate_ids),
        "deliveryIds": _texts(chosen.delivery_ids),
        "statuses": _texts(chosen.statuses),
        "from": None if chosen.planned_from is None else write_time(chosen.planned_from),
        "to": None if chosen.planned_until is None else write_time(chosen.planned_until),
    }


async def _recent_volume(c: Connection, kind: BulkKind, actor: str) -> RecentVolume:
    person = await people.find_pseudonym(c, actor)
    return NO_RECENT_VOLUME if person is None else await bulk.read_begun(c, kind, person)


async def _sends(c: Connection, choices: list[SelectedUnit], cause: UUID) -> dict[UnitKey, str]:
    answers = await preview_restate(c, [choice.unit for choice in choices], cause)
    return {unit: answer.kind.type for unit, answer in answers.items() if isinstance(answer, Planned)}


async def _check(c: Connection, chosen: BulkSelection) -> int | None:
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


def _faults(chosen: BulkSelection) -> Iterator[FieldError]:
    if chosen == BulkSelection():
        detail = "say which deliveries: by destination, school, mandate, delivery, status or period"
        yield FieldError(field="", code="nothing_chosen", detail=detail)
    low, high = chosen.planned_from, chosen.planned_until
    if low is not None and high is not None and high < low:
        yield FieldError(field="/to", code="before_from", detail="the period ends before it begins")


def _sample(choice: SelectedUnit, names: Mapping[int, str]) -> dict[str, Any]:
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
