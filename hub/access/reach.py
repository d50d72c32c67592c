"""What of the ledger a caller may see. In: a caller. Out: `DeliveryScope` for the statements that read deliveries."""

from hub.access import Caller, Role
from hub.store import mandates
from hub.store.deliveries import DeliveryScope
from hub.store.observe import DestinationView
from hub.store.pool import Connection


async def delivery_scope(c: Connection, caller: Caller, places: list[DestinationView]) -> DeliveryScope:
    """Say which deliveries a caller may see: DUO those to its queues, a system its own, a school those about it."""
    if caller.has(Role.OPERATIONS):
        return DeliveryScope(everything=True)
    return DeliveryScope(
        destinations=frozenset(
            destination.id for destination in places if is_receiver(caller, destination.kind, destination.supplier_oin)
        ),
        brins=frozenset(await _own_schools(c, caller)),
    )


def lane_scope(caller: Caller, places: list[DestinationView]) -> DeliveryScope:
    """Say which lanes a caller may see: the same, without schools, to which lanes mean nothing."""
    if caller.has(Role.OPERATIONS):
        return DeliveryScope(everything=True)
    return DeliveryScope(
        destinations=frozenset(
            destination.id for destination in places if is_receiver(caller, destination.kind, destination.supplier_oin)
        )
    )


async def may_read_school(c: Connection, caller: Caller, brin: str) -> bool:
    """Say whether a caller may see how a school stands, and what back offices said about it."""
    return caller.has(Role.OPERATIONS) or brin in await _own_schools(c, caller)


def is_receiver(caller: Caller, kind: str, supplier_oin: str | None) -> bool:
    """Say whether what goes to a destination of this kind is the caller's own."""
    if kind == "duo":
        return caller.has(Role.DUO)
    return caller.has(Role.LAS) and supplier_oin in caller.oins


async def _own_schools(c: Connection, caller: Caller) -> set[str]:
    if not caller.has(Role.SCHOOL):
        return set()
    return {*caller.brins, *await mandates.brins_of_boards(c, caller.bges)}
