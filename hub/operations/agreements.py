"""Use case: what a board signed. In: a board, an agreement, yes or no, and why. Out: it is so, and noted in the audit.

A board counts as having signed until somebody says otherwise. What it says no to asks for no new mandate; those that
its schools gave before stay as they are.
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
    """What a board signs: the register's own agreement, and that of VVA besides."""

    OSR = "OSR"
    VVA = "VVA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Whether a board signed an agreement."""

    bge_code: BgeCode
    agreement: Agreement
    is_signed: bool


async def record_signature(c: Connection, actor: Actor, signature: Signature) -> dict[Agreement, bool]:
    """Note what a board signed, in the caller's transaction; return both agreements, or raise `NotFound`."""
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
    """Say what a board signed, and hold it; `NotFound` for an unknown board."""
    row = await imports.hold_board(c, bge_code)
    if row is None:
        msg = f"no board {bge_code} in the register"
        raise NotFound(msg)
    return {Agreement.OSR: row["osr_agreement"], Agreement.VVA: row["vva_agreement"]}
