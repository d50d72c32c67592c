"""Use case: replace keys without a gap. In: the installation's keys, the actor. Out: new keys, with an audit entry.

A retired signing key signs beside its successor until receivers have fetched that one. What is sealed under an older
key of the installation is sealed again under the newest, so that the older one can be removed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.errors import ConfigurationError, Conflict
from hub.operations.audit import entry_by
from hub.sealing import is_newest, seal, unseal
from hub.store import audit
from hub.store import keys as store
from hub.store.audit import AuditEntry
from hub.store.people import SystemActor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from hub.access import Actor
    from hub.store.keys import Keys, Sealed
    from hub.store.pool import Connection

MAX_SIGNING_KEYS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ResealResult:
    """The number resealed per kind, the number already under the newest key, and what no key opens."""

    done: Mapping[str, int]
    left: int
    unreadable: Sequence[Sealed]


async def signing_keys(c: Connection, keys: Keys, now: datetime) -> tuple[Ed25519PrivateKey, ...]:
    """Return the keys that sign, newest first; make the first one, with its audit entry, when there is none."""
    found = await store.valid_keys(c, keys, now)
    if found:
        return found
    async with c.transaction():
        await store.lock_keys(c)
        found = await store.valid_keys(c, keys, now)
        if found:
            return found
        made = await store.make_key(c, keys, now)
        await audit.write(c, AuditEntry(at=now, actor=SystemActor.HUB, action="key.created", subject={}))
    return (made,)


async def rotate(c: Connection, keys: Keys, grace: timedelta, actor: Actor) -> None:
    """Make a new signing key; the one before it also signs until `grace` is over.

    The caller owns the transaction. Raises `Conflict` `too_many_keys` when as many as a message can bear still sign.
    """
    await store.lock_keys(c)
    if len(await store.valid_keys(c, keys, actor.at)) >= MAX_SIGNING_KEYS:
        detail = f"{MAX_SIGNING_KEYS} signing keys are still valid; wait until one ends (`osr-hub keys list`)"
        raise Conflict("too_many_keys", detail)
    await store.retire_keys(c, actor.at + grace)
    await store.make_key(c, keys, actor.at)
    subject = {"until": (actor.at + grace).isoformat()}
    await audit.write(c, entry_by(actor, "key.rotated", subject))


async def reseal(c: Connection, keys: Keys, actor: Actor) -> ResealResult:
    """Seal everything under the first of `keys`; return what no key opens, unchanged."""
    newest, older, unreadable = await _classify(c, keys)
    for each, plain in older:
        await store.replace_sealed(c, each, seal(plain, keys))
    done = Counter(each.kind for each, _ in older)
    if done:
        await audit.write(c, entry_by(actor, "secrets.resealed", dict(done)))
    return ResealResult(done=done, left=newest, unreadable=unreadable)


async def count_outdated(c: Connection, keys: Keys) -> tuple[int, Sequence[Sealed]]:
    """Return how many sealed values need an older key, and those that no key opens."""
    _, older, unreadable = await _classify(c, keys)
    return len(older), unreadable


async def _classify(c: Connection, keys: Keys) -> tuple[int, list[tuple[Sealed, bytes]], list[Sealed]]:
    """Return the number that the newest key sealed, what an older one opens with its plain bytes, and the rest."""
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
