"""The bodies of what is seen of schools and destinations: status, lag, destinations."""

from dataclasses import asdict
from typing import Any, Literal
from uuid import UUID

from hub.domain.cause import Cause, CircuitState, DestinationState
from hub.domain.lag import Hop, HopSeconds
from hub.domain.objective import Attainment, Objective
from hub.domain.says import explain
from hub.observe.lag import DestinationLag, Lag
from hub.observe.status import Cell, Coverage, SchoolStatus
from hub.store.lane_sums import LaneSums
from hub.store.observe import DestinationView
from hub.views.health import RoleHealthBody, UnreadTopicBody, show_roles, show_unread
from hub.views.models import CamelModel, Moment
from schemas.kinds import MandateState


class CellHopsBody(CamelModel):
    """How long each hop took; null while it is not known."""

    publish_seconds: float | None
    plan_seconds: float | None
    transport_seconds: float | None
    processing_seconds: float | None


class CellBody(CamelModel):
    """One mandate of one branch, and the outcome of the newest message about it."""

    service_code: str
    supplier_oin: str
    system_code: str
    system_name: str
    mandate_id: UUID
    mandate_version: int
    mandate_state: MandateState
    coverage: Coverage
    routing_id: str | None
    destination: str
    delivery_id: UUID | None
    sequence: int | None
    status: str | None
    reason: str | None
    since: Moment | None
    signals: list[dict[str, Any]]
    hops: CellHopsBody


class BranchStatusBody(CamelModel):
    """A branch with its cells."""

    branch: str
    name: str
    cells: list[CellBody]


class SchoolStatusBody(CamelModel):
    """The status of a school: per branch and mandate what was sent, and its outcome."""

    brin: str
    name: str
    as_of: Moment
    branches: list[BranchStatusBody]


class HopBody(CamelModel):
    """How long a hop took in the last five minutes; null when nothing passed it."""

    p50: float | None
    p99: float | None


class ObjectiveBody(CamelModel):
    """How quickly which share of the messages is to be taken and processed."""

    transport_seconds: float
    processing_seconds: float
    share: float


class OverdueBody(CamelModel):
    """How many messages are not done and already older than the objective allows; held ones are not among them."""

    transport: int
    processing: int
    is_at_least: bool


class AttainmentBody(ObjectiveBody):
    """An objective, the share that met it in the last thirty days, and how fast it is missed in the last hour or two.

    What is overdue counts as missed in all of them. A burn rate of 1 uses up just the share that may miss the
    objective; `budgetLeft` is what is left of that share. Null: nothing was measured.
    """

    met_share: float | None
    burn_rate: float | None
    budget_left: float | None
    overdue: OverdueBody


class AgePartsBody(CamelModel):
    """The age of the oldest delivery that is not done, by whose turn it was; the parts add up to it."""

    hub: float
    held: float
    receiver: float
    back_office: float
    school: float


class DestinationLagBody(CamelModel):
    """How late a destination is, and who has to act."""

    destination: str
    services: list[str]
    state: DestinationState
    circuit: CircuitState
    waiting: int
    held: int
    retrying: int
    unprocessed: int
    dead: int
    oldest_undelivered_seconds: float | None
    oldest_unprocessed_seconds: float | None
    cause: Cause
    says: str
    since: Moment | None
    objective: AttainmentBody
    seconds: AgePartsBody
    hops: dict[Hop, HopBody]


class LagBody(CamelModel):
    """How late everything is."""

    at: Moment
    unpublished_events: int
    unplanned_events: int
    parked: int
    processes: list[RoleHealthBody]
    unread: list[UnreadTopicBody]
    destinations: list[DestinationLagBody]


class CircuitBody(CamelModel):
    """The circuit of a destination: closed, open, or half-open with one probe."""

    state: CircuitState
    since: Moment | None
    last_error: str | None


class PaceBody(CamelModel):
    """How many lanes a forwarder may lease there since it asked to slow down; null: as many as usual.

    A destination that never asked has no pace.
    """

    lanes_at_once: int | None
    paused_until: Moment | None
    last_error: str | None


class DestinationBody(CamelModel):
    """A destination of messages."""

    name: str
    kind: Literal["duo", "las", "las-copy"]
    shown_as: str
    services: list[str]
    topic: str | None
    subscription_id: UUID | None
    state: DestinationState
    held_brins: list[str]
    released_brins: list[str]
    circuit: CircuitBody
    pace: PaceBody | None
    in_flight: int
    objective: ObjectiveBody
    """Its own, or that of the settings."""


def show_status(status: SchoolStatus) -> SchoolStatusBody:
    """Return the status of a school."""
    return SchoolStatusBody(
        brin=status.brin,
        name=status.name,
        as_of=status.as_of,
        branches=[
            BranchStatusBody(branch=each.branch, name=each.name, cells=[_cell(cell) for cell in each.cells])
            for each in status.branches
        ],
    )


def show_lag(lag: Lag) -> LagBody:
    """Return how late each destination is."""
    return LagBody(
        at=lag.at,
        unpublished_events=lag.unpublished,
        unplanned_events=lag.unplanned,
        parked=lag.parked,
        processes=show_roles(lag.health.roles),
        unread=show_unread(lag.health.unread),
        destinations=[_destination_lag(each) for each in lag.destinations],
    )


def show_destination(destination: DestinationView, lanes: LaneSums, default: Objective) -> DestinationBody:
    """Return the body of a destination; `default` is the objective of the settings."""
    return DestinationBody(
        name=destination.name,
        kind=destination.kind,
        shown_as=destination.shown_as,
        services=list(destination.services),
        topic=destination.topic,
        subscription_id=destination.subscription_id,
        state=destination.state,
        held_brins=list(lanes.held_brins),
        released_brins=list(lanes.released_brins),
        circuit=CircuitBody(
            state=destination.circuit, since=destination.circuit_since, last_error=destination.circuit_error
        ),
        pace=_pace(destination),
        in_flight=lanes.leased,
        objective=show_objective(destination.objective or default),
    )


def _pace(destination: DestinationView) -> PaceBody | None:
    if destination.pace is None and destination.paused_until is None and destination.slow_error is None:
        return None
    return PaceBody(
        lanes_at_once=destination.pace, paused_until=destination.paused_until, last_error=destination.slow_error
    )


def show_objective(objective: Objective) -> ObjectiveBody:
    """Return the body of an objective."""
    return ObjectiveBody(
        transport_seconds=objective.transport_seconds,
        processing_seconds=objective.processing_seconds,
        share=objective.share,
    )


def _destination_lag(lag: DestinationLag) -> DestinationLagBody:
    standing = lag.standing
    return DestinationLagBody(
        destination=lag.destination.name,
        services=list(lag.destination.services),
        state=standing.state,
        circuit=standing.circuit,
        waiting=standing.waiting,
        held=standing.held,
        retrying=standing.retrying,
        unprocessed=standing.unprocessed,
        dead=standing.dead,
        oldest_undelivered_seconds=standing.oldest_undelivered,
        oldest_unprocessed_seconds=standing.oldest_unprocessed,
        cause=lag.cause,
        says=explain(lag.cause, standing),
        since=lag.since,
        objective=_attainment(lag.attainment),
        seconds=AgePartsBody(**asdict(lag.parts)),
        hops={hop: HopBody(p50=each.p50, p99=each.p99) for hop, each in lag.hops.items()},
    )


def _attainment(met: Attainment) -> AttainmentBody:
    return AttainmentBody(
        **dict(show_objective(met.objective)),
        met_share=met.met_share,
        burn_rate=met.burn_rate,
        budget_left=met.budget_left,
        overdue=OverdueBody(**asdict(met.overdue)),
    )


def _cell(cell: Cell) -> CellBody:
    named = {name: getattr(cell, name) for name in CellBody.model_fields if name not in {"hops", "signals"}}
    return CellBody(**named, hops=_hops(cell.hops), signals=[dict(signal) for signal in cell.signals])


def _hops(hops: HopSeconds) -> CellHopsBody:
    return CellHopsBody(
        publish_seconds=hops.publish,
        plan_seconds=hops.plan,
        transport_seconds=hops.transport,
        processing_seconds=hops.processing,
    )
