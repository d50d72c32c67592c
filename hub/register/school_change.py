"""A change of one school's mandates. In: what it locks and how it decides. Out: the mandate after it, and rows.

Its deciding is apart from its locking and writing, so that changes of several schools can share these: they are locked
in one statement, decided one by one, and written in one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hub.errors import HubError
from hub.store import register
from hub.store.decisions import lock_register, lock_registers
from hub.store.register import merge_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.register.service_mandates import ServiceMandates
    from hub.store.decisions import LockedRegister, LockRequest
    from hub.store.mandates import MandateView
    from hub.store.pool import Connection
    from hub.store.register import RegisterRows

DecidedChange: TypeAlias = "tuple[MandateView, ServiceMandates | None]"
"""The mandate after a change, and what is to be written; None when nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolChange:
    """A change that is not made yet; `decide` raises a `HubError` when it is refused."""

    wanted: LockRequest
    decide: Callable[[LockedRegister], DecidedChange]
    traceparent: str | None
    """The trace that it belongs to."""


async def make(c: Connection, change: SchoolChange) -> MandateView:
    """Make a change and return the mandate; the caller owns the transaction."""
    view, service = change.decide(await lock_register(c, change.wanted))
    if service is not None:
        await service.write(c)
    return view


async def make_together(c: Connection, changes: Sequence[SchoolChange]) -> list[MandateView | HubError | None]:
    """Make changes of several schools; return of each the mandate, or why it is refused, in the order given.

    None for one whose school is not free, or is that of an earlier change: it can be made by itself. The changes have
    an author and are of one day. A change that is refused writes nothing and disturbs no other.
    """
    outcomes: list[MandateView | HubError | None] = []
    rows: list[RegisterRows] = []
    for change, locked in zip(changes, await lock_registers(c, [each.wanted for each in changes]), strict=True):
        try:
            view, service = (None, None) if locked is None else change.decide(locked)
            rows += [] if service is None else [service.rows()]
        except HubError as refusal:
            outcomes.append(refusal)
        else:
            outcomes.append(view)
    if rows:
        await register.write(c, merge_rows(rows))
    return outcomes
