"""Use case: record what a board signed. In: a board, an agreement, yes or no. Out: the agreement, with its audit entry.

A board counts as having signed until an operator records otherwise. Without an agreement its schools can give no new
mandates; the mandates that they gave before stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import NotFound
from hub.operations.audit import entry_by
from hub.store import audit, imports

if TYPE_CHECKING:
    from hub.access import Actor
    from hub.store.pool import Connection
    from schemas.identifiers import BgeCode


class Agreement(StrEnum):
    """An agreement that a board signs: that of the register, or that of VVA."""

    OSR = "OSR"
    VVA = "VVA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Whether a board signed an agreement."""

    bge_code: BgeCode
    agreement: Agreement
    is_signed: bool


async def record_signature(c: Connection, actor: Actor, signature: Signature) -> dict[Agreement, bool]:
    """Record whether a board signed an agreement and return both; raise `NotFound` for an unknown board.

    The caller owns the transaction.
    """
    before = await lock_agreements(c, signature.bge_code)
    name = signature.agreement
    if before[name] != signature.is_signed:
        await imports.write_agreement(c, signature.bge_code, name.value, is_signed=signature.is_signed)
        action = "board.signed" if signature.is_signed else "board.agreement_ended"
        subject = {"bgeCode": signature.bge_code, "agreement": name.value}
        change = {"signed": before[name]}, {"signed": signature.is_signed}
        await audit.write(c, entry_by(actor, action, subject, change))
    return before | {name: signature.is_signed}


async def lock_agreements(c: Connection, bge_code: BgeCode) -> dict[Agreement, bool]:
    """Lock a board and return what it signed; raise `NotFound` for an unknown board."""
    row = await imports.hold_board(c, bge_code)
    if row is None:
        msg = f"no board {bge_code} in the register"
        raise NotFound(msg)
    return {Agreement.OSR: row["osr_agreement"], Agreement.VVA: row["vva_agreement"]}
