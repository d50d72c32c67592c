"""Anchors of the audit: once a day the ends of all chains are sealed together. In: a day. Out: one anchor, made once.

An anchor covers the chains that have grown since the anchor before, and that anchor: so all of them. It has an
entry itself, and its seal goes to the log: a log that is kept elsewhere proves that no entry was written anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.chain import GENERAL_CHAIN, seal
from hub.store import audit
from hub.store.audit import AuditEntry
from hub.store.statements import queries

if TYPE_CHECKING:
    from datetime import date, datetime

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """An anchor, and how many chains had grown when it was made."""

    day: date
    at: datetime
    chains: int
    seal: bytes


async def find(c: Connection, day: date) -> Anchor | None:
    """Find the anchor of a day."""
    row = await queries.read_anchor(c, day=day)
    return None if row is None else Anchor(**row)


async def make(c: Connection, day: date, at: datetime, actor: str) -> Anchor | None:
    """Seal the audit for a day and return the anchor; None when that or a later day has one, or nothing is new.

    The caller owns the transaction.
    """
    await audit.lock_heads(c, [GENERAL_CHAIN])
    last = await queries.read_last_anchor(c)
    heads = sorted((row["chain"], row["length"], row["seal"]) for row in await queries.read_moved_heads(c))
    if not heads or (last is not None and last["day"] >= day):
        return None
    previous = b"" if last is None else last["seal"]
    parts = [part for chain, length, end in heads for part in (chain, str(length), end.hex())]
    made = Anchor(day=day, at=at, chains=len(heads), seal=seal(previous, [day.isoformat(), *parts]))
    await queries.write_anchor(
        c,
        day=day,
        at=at,
        previous=previous,
        anchor_seal=made.seal,
        chains=[chain for chain, _, _ in heads],
        lengths=[length for _, length, _ in heads],
        seals=[end for _, _, end in heads],
    )
    await audit.write(c, _note(made, actor))
    return made


def _note(anchor: Anchor, actor: str) -> AuditEntry:
    subject = {"day": anchor.day.isoformat(), "chains": anchor.chains, "seal": anchor.seal.hex()}
    return AuditEntry(at=anchor.at, actor=actor, action="audit.anchored", subject=subject)
