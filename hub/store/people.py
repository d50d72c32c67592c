"""Actors by pseudonym. In: the subject of a token. Out: a pseudonym, the only name that other tables keep.

Erasing a person empties one row here; the audit entries of the pseudonym stay sealed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection


class SystemActor(StrEnum):
    """Built-in system actors, stored as they are. A token's subject is never one of these, whatever its text."""

    HUB = "hub"
    COMMAND_LINE = "osr-hub command line"


class Pseudonym(str):
    """An actor of whom only the pseudonym is known, stored as it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A pseudonym and its subject, which is None once the person was erased."""

    pseudonym: UUID
    subject: str | None
    since: datetime
    erased_at: datetime | None


async def pseudonym(c: Connection, actor: str, at: datetime) -> str:
    """Return the name of an actor in records: the pseudonym, made in this transaction for a new one."""
    if isinstance(actor, SystemActor | Pseudonym):
        return str(actor)
    found = None
    while found is None:  # nothing is found when another gave the pseudonym at the same moment
        found = await queries.ensure_person(c, subject=actor, at=at)
    return str(found)


async def find_pseudonym(c: Connection, actor: str) -> str | None:
    """Return the name of an actor in records, or None; makes no pseudonym."""
    if isinstance(actor, SystemActor):
        return actor.value
    found = await queries.find_person(c, name=actor)
    return None if found is None or found["subject"] != actor else str(found["pseudonym"])


async def subjects(c: Connection, pseudonyms: Collection[UUID]) -> dict[UUID, str | None]:
    """Return the subjects of pseudonyms; None for a person who was erased."""
    return {row["pseudonym"]: row["subject"] for row in await queries.read_people(c, pseudonyms=list(pseudonyms))}


async def write_name(c: Connection, subject: str, name: str, at: datetime) -> None:
    """Write down what a person is called, as the login says it."""
    await pseudonym(c, subject, at)
    await queries.name_person(c, subject=subject, name=name)


async def names(c: Connection, pseudonyms: Collection[UUID]) -> dict[str, str]:
    """Return the names of pseudonyms; people whose name is unknown or was erased are left out."""
    return {str(row["pseudonym"]): row["name"] for row in await queries.read_names(c, pseudonyms=list(pseudonyms))}


async def find(c: Connection, name: str) -> Person | None:
    """Find a person by subject or by pseudonym."""
    row = await queries.find_person(c, name=name)
    return None if row is None else Person(**row)


async def erase(c: Connection, person: UUID, at: datetime) -> bool:
    """Erase the subject of a pseudonym, and the name; return whether there was one."""
    return await queries.erase_person(c, pseudonym=person, at=at) is not None
