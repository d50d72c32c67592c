"""Every rule on who may see and who may change what. In: a caller, and what it asks for. Out: a scope, a yes or a no.

All functions are pure. Edges and use cases call them and answer `NotFound` for what the caller may not see.
`hub.access.boards` reads the schools of a caller's boards for the rules that compare schools.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hub.access.caller import Caller, Role
from hub.domain.bulk import BulkState
from hub.errors import NotAllowed
from hub.store.deliveries import DeliveryScope
from hub.store.mandates import MandateScope
from hub.store.operations import ALL_PARKED, ParkedScope
from hub.store.people import SystemActor
from schemas.topics import DUO_REPORTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hub.domain.school import School
    from hub.domain.subscription import Subscription
    from hub.store.deliveries import ReportTarget
    from hub.store.mandates import MandateView
    from hub.store.observe import DestinationView
    from schemas.identifiers import Brin, Oin


class OfSystem(Protocol):
    """What belongs to a system and its supplier; None where it belongs to DUO."""

    @property
    def supplier_oin(self) -> str | None:
        """The supplier."""

    @property
    def system_code(self) -> str | None:
        """The system."""


class Objection(StrEnum):
    """Why a bulk job cannot be approved."""

    NOT_AWAITED = "final"
    OWN_REQUEST = "own_request"


def require_role(caller: Caller, *roles: Role, detail: str | None = None) -> None:
    """Raise `NotAllowed` unless the caller has one of these roles."""
    if not caller.has(*roles):
        raise NotAllowed(detail or f"this takes the role {' or '.join(roles)}")


def require_supplier(caller: Caller) -> Oin:
    """Return the one supplier that the caller speaks for; raise `NotAllowed` for none or several."""
    if caller.oin is None:
        raise NotAllowed("a subscription takes a token of exactly one supplier (claim `oin`)")
    return caller.oin


def is_operator(caller: Caller) -> bool:
    """Return whether the caller operates the hub."""
    return caller.has(Role.OPERATIONS)


def require_identified(caller: Caller, why: str) -> None:
    """Raise `NotAllowed` unless the caller is a person with a token, and not the command line itself."""
    if isinstance(caller.subject, SystemActor):
        raise NotAllowed(f"{why}: give --token-file with a token of yours")


def mandate_scope(caller: Caller) -> MandateScope:
    """Return whose mandates a caller may read: DUO and operations all, a school its own, a system its supplier's."""
    if caller.has(Role.DUO, Role.OPERATIONS):
        return MandateScope(everything=True)
    is_school, is_las = caller.has(Role.SCHOOL), caller.has(Role.LAS)
    return MandateScope(
        brins=caller.brins if is_school else (),
        bges=caller.bges if is_school else (),
        oins=caller.oins if is_las else (),
        systems=caller.systems,
    )


def mandate_scope_by_school(caller: Caller, own_schools: Collection[Brin]) -> MandateScope:
    """Return the same as `mandate_scope`, with boards replaced by the caller's own schools."""
    scope = mandate_scope(caller)
    return MandateScope(everything=scope.everything, brins=own_schools, oins=scope.oins, systems=scope.systems)


def page_scope(caller: Caller) -> MandateScope:
    """Return whose mandates the pages show: operations everybody's, an administrator those of their own schools."""
    if caller.has(Role.OPERATIONS):
        return MandateScope(everything=True)
    return MandateScope(brins=caller.brins, bges=caller.bges) if caller.has(Role.SCHOOL) else MandateScope()


def school_scope(caller: Caller) -> MandateScope:
    """Return which schools a caller may look up: a school or board its own, everybody else all."""
    if caller.has(Role.DUO, Role.OPERATIONS, Role.LAS):
        return MandateScope(everything=True)
    return mandate_scope(caller)


def may_administer(caller: Caller, school: School) -> bool:
    """Return whether a caller may give mandates for a school."""
    return caller.has(Role.SCHOOL) and (school.brin in caller.brins or school.bge_code in caller.bges)


def may_change_mandate(caller: Caller, view: MandateView) -> bool:
    """Return whether a caller may change a mandate: its school's administrators may."""
    return caller.has(Role.SCHOOL) and (view.mandate.brin in caller.brins or view.bge_code in caller.bges)


def may_see_validated_mandate(caller: Caller, view: MandateView) -> bool:
    """Return whether the answer to a validation shows a mandate: only to the supplier of its system."""
    return _supplies(caller, view.mandate)


def may_read_school(caller: Caller, brin: str, own_schools: Collection[str]) -> bool:
    """Return whether a caller may see a school's status, and the texts of reports on it."""
    return caller.has(Role.OPERATIONS) or brin in own_schools


def is_receiver(caller: Caller, destination: DestinationView | ReportTarget) -> bool:
    """Return whether a caller receives what goes to a destination."""
    return caller.has(Role.DUO) if destination.kind == "duo" else _supplies(caller, destination)


def delivery_scope(
    caller: Caller, destinations: Iterable[DestinationView], own_schools: Collection[str]
) -> DeliveryScope:
    """Return which deliveries a caller may see: DUO those to its queues, a system its own, a school those about it."""
    if caller.has(Role.OPERATIONS):
        return DeliveryScope(everything=True)
    return DeliveryScope(destinations=_received(caller, destinations), brins=frozenset(own_schools))


def lane_scope(caller: Caller, destinations: Iterable[DestinationView]) -> DeliveryScope:
    """Return which lanes a caller may see: those to itself, because lanes mean nothing to schools."""
    if caller.has(Role.OPERATIONS):
        return DeliveryScope(everything=True)
    return DeliveryScope(destinations=_received(caller, destinations))


def parked_scope(caller: Caller) -> ParkedScope:
    """Return which parked records a caller may see: operations all, DUO the reports that it wrote wrongly."""
    return ALL_PARKED if is_operator(caller) else ParkedScope(topic=DUO_REPORTS.name, blame="sender")


def may_see_url(caller: Caller, destination: DestinationView) -> bool:
    """Return whether a caller may see the address of a webhook: its supplier and operations may."""
    return _supplies(caller, destination) or caller.has(Role.OPERATIONS)


def may_read_subscription(caller: Caller, subscription: Subscription) -> bool:
    """Return whether a caller may see a subscription: its supplier and operations may."""
    return _supplies(caller, subscription) or caller.has(Role.OPERATIONS)


def may_change_subscription(caller: Caller, subscription: Subscription) -> bool:
    """Return whether a caller may change a subscription: only its supplier may."""
    return _supplies(caller, subscription)


def objection(state: BulkState, asked_by: str, approver: str) -> Objection | None:
    """Return why this person cannot approve a bulk job, if so: it waits for nobody, or the person requested it."""
    if state is not BulkState.AWAITING_APPROVAL:
        return Objection.NOT_AWAITED
    return Objection.OWN_REQUEST if approver == asked_by else None


def _supplies(caller: Caller, owned: OfSystem) -> bool:
    is_of_supplier = caller.has(Role.LAS) and owned.supplier_oin in caller.oins
    return is_of_supplier and (caller.systems is None or owned.system_code in caller.systems)


def _received(caller: Caller, destinations: Iterable[DestinationView]) -> frozenset[int]:
    return frozenset(each.id for each in destinations if is_receiver(caller, each))
