"""What of the ledger a caller may see. In: who asks. Out: `Reach` for the statements that read deliveries and lanes."""

from hub.store import mandates
from hub.store.deliveries import Reach
from hub.store.observe import Place
from hub.store.pool import Connection
from hub.tokens import Caller, Role


async def reach_of(c: Connection, caller: Caller, places: list[Place]) -> Reach:
    """Say which deliveries a caller may see: DUO those to its queues, a system its own, a school those about it."""
    if caller.has(Role.OPERATIONS):
        return Reach(everything=True)
    return Reach(
        destinations=frozenset(place.id for place in places if is_receiver(caller, place.kind, place.supplier_oin)),
        brins=frozenset(await _own_schools(c, caller)),
    )


def reach_of_receiver(caller: Caller, places: list[Place]) -> Reach:
    """Say which lanes a caller may see: the same, without schools, to which lanes mean nothing."""
    if caller.has(Role.OPERATIONS):
        return Reach(everything=True)
    return Reach(
        destinations=frozenset(place.id for place in places if is_receiver(caller, place.kind, place.supplier_oin))
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
