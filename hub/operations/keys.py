"""Use case: keys are replaced without a gap. In: the installation's keys, the moment. Out: what was done, and noted.

A signing key that is replaced goes on signing beside its successor until receivers have fetched that one. What is
sealed under an older key of the installation is sealed under the newest, so that the older one can be taken away.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.errors import ConfigurationError, Conflict
from hub.sealing import is_newest, seal, unseal
from hub.store import audit
from hub.store import keys as store
from hub.store.audit import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from hub.access import Actor
    from hub.store.keys import Keys, Sealed
    from hub.store.pool import Connection

MAX_SIGNING_KEYS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ResealResult:
    """How much of each kind was sealed anew, how much was well already, and what no key opens."""

    done: Mapping[str, int]
    left: int
    unreadable: Sequence[Sealed]


async def rotate(c: Connection, keys: Keys, grace: timedelta, actor: Actor) -> None:
    """Make a new signing key; the one before it signs as well until `grace` is over.

    The caller owns the transaction. Raises `Conflict` `too_many_keys` when as many as a message can bear still sign.
    """
    await store.lock_keys(c)
    if len(await store.existing_keys(c, keys, actor.at)) >= MAX_SIGNING_KEYS:
        detail = f"{MAX_SIGNING_KEYS} signing keys are still valid; wait until one ends (`osr-hub keys list`)"
        raise Conflict("too_many_keys", detail)
    await store.retire_keys(c, actor.at + grace)
    await store.make_key(c, keys, actor.at)
    subject = {"until": (actor.at + grace).isoformat()}
    await audit.write(
        c, AuditEntry(at=actor.at, actor=actor.subject, action="key.rotated", subject=subject, reason=actor.reason)
    )


async def reseal(c: Connection, keys: Keys, actor: Actor) -> ResealResult:
    """Seal everything under the first of `keys`; what no key opens is left as it is and named."""
    newest, older, unreadable = await _classify(c, keys)
    for each, plain in older:
        await store.replace_sealed(c, each, seal(plain, keys))
    done = Counter(each.kind for each, _ in older)
    if done:
        entry = AuditEntry(
            at=actor.at, actor=actor.subject, action="secrets.resealed", subject=dict(done), reason=actor.reason
        )
        await audit.write(c, entry)
    return ResealResult(done=done, left=newest, unreadable=unreadable)


async def count_outdated(c: Connection, keys: Keys) -> tuple[int, Sequence[Sealed]]:
    """Say how many sealed values still need an older key, and which ones no key opens."""
    _, older, unreadable = await _classify(c, keys)
    return len(older), unreadable


async def _classify(c: Connection, keys: Keys) -> tuple[int, list[tuple[Sealed, bytes]], list[Sealed]]:
    """Tell apart what the first key sealed (how much), what an older one opens (with what it says), and the rest."""
    newest, older, unreadable = 0, [], []
    for each in await store.sealed_values(c):
        if is_newest(each.value, keys):
            newest += 1
            continue
        try:
            older.append((each, unseal(each.value, keys)))
        except ConfigurationError:
            unreadable.append(each)
    return newest, older, unreadable
