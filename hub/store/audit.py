"""The audit: who did what, to which school, from what to what, and why. In: entries. Out: rows in hash chains.

An entry is written by pseudonym, in the transaction of what it is about. The writer locks the heads of its chains,
schools in key order and the general chain last, so that no chain forks; these are the last locks of a transaction.
`hub.domain.chain` defines a seal.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from hub.domain.chain import GENERAL_CHAIN, chain_order, microseconds, seal
from hub.store import people
from hub.store.json_rows import as_is, json_of
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.store.pool import Connection

    Head = tuple[int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An action such as `mandate.withdrawn`, its subject, its actor, and the reason that was given.

    `before` and `after` hold only the fields that differ; None where there was or is nothing. `actor` is a token's
    subject, a `people.Pseudonym`, or a `people.SystemActor`. Never a secret.
    """

    at: datetime
    actor: str
    action: str
    brin: str | None = None
    subject: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None

    @property
    def chain(self) -> str:
        """Its school's chain, or the general one."""
        return self.brin or GENERAL_CHAIN


def changed_fields(
    before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the fields that differ, before and after; `before` stays None for something new."""
    if before is None:
        return None, {name: value for name, value in after.items() if value is not None}
    names = [name for name in (*before, *(after.keys() - before.keys())) if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


async def write(c: Connection, entry: AuditEntry) -> None:
    """Write an entry."""
    await write_all(c, [entry])


async def write_all(c: Connection, entries: Sequence[AuditEntry]) -> None:
    """Write entries, those of a school in the order given."""
    if not entries:
        return
    actors = {(type(entry.actor), entry.actor): entry for entry in entries}
    names = {who: await people.pseudonym(c, entry.actor, entry.at) for who, entry in actors.items()}
    named = [_named(entry, names[type(entry.actor), entry.actor]) for entry in entries]
    heads = await lock_heads(c, {entry.chain for entry in entries})
    await queries.write_audit(c, **{name: json_of(rows) for name, rows in sealed(named, heads).items()})


def _named(entry: AuditEntry, name: str) -> AuditEntry:
    return entry if entry.actor == name else replace(entry, actor=people.Pseudonym(name))


def sealed(entries: Sequence[AuditEntry], heads: Mapping[str, Head]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of entries whose actors are names in records, and the heads that they move, as JSON has them.

    `heads` are those of their chains, which the caller has locked.
    """
    moved: dict[str, Head] = {}
    rows = [_sealed(entry, heads, moved) for entry in entries]
    return {
        "heads": [{"chain": chain, "length": n, "seal": _bytes(last)} for chain, (n, last) in moved.items()],
        "entries": rows,
    }


async def lock_heads(c: Connection, chains: Collection[str]) -> dict[str, Head]:
    """Lock the heads (length, seal) of chains in their order until the transaction ends; new chains begin."""
    ordered = sorted(chains, key=chain_order)
    rows = await queries.lock_audit_heads(c, chains=ordered)
    if len(rows) < len(ordered):
        await queries.insert_audit_heads(c, chains=ordered)
        rows = await queries.lock_audit_heads(c, chains=ordered)
    return {row["chain"]: (row["length"], row["seal"]) for row in rows}


def _sealed(entry: AuditEntry, heads: Mapping[str, Head], moved: dict[str, Head]) -> dict[str, Any]:
    length, previous = moved.get(entry.chain) or heads[entry.chain]
    number, actor = length + 1, str(entry.actor)
    subject, before, after = _json(entry.subject), _json(entry.before), _json(entry.after)
    moment, reason = microseconds(entry.at), entry.reason
    parts = entry.chain, str(number), moment, actor, entry.action, subject, before, after, reason
    moved[entry.chain] = number, seal(previous, parts)
    return {
        "at": entry.at,
        "actor": actor,
        "action": entry.action,
        "brin": entry.brin,
        "subject": as_is(subject),
        "before": as_is(before),
        "after": as_is(after),
        "reason": reason,
        "number": number,
        "seal": _bytes(moved[entry.chain][1]),
    }


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS).decode()


def _bytes(value: bytes) -> str:
    """Write bytes as the database reads them."""
    return f"\\x{value.hex()}"
