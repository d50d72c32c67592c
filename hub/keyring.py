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
from hub.store.audit import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from hub.operate import Press
    from hub.store.keys import Keys, Sealed
    from hub.store.pool import Connection

MOST_SIGNING: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How much of each kind was sealed anew, how much was well already, and what no key opens."""

    done: Mapping[str, int]
    left: int
    closed: Sequence[Sealed]


async def rotate(c: Connection, keys: Keys, grace: timedelta, press: Press) -> None:
    """Make a new signing key; the one before it signs as well until `grace` is over.

    The caller owns the transaction. Raises `Conflict` `too_many_keys` when as many as a message can bear still sign.
    """
    await store.lock_keys(c)
    if len(await store.existing_keys(c, keys, press.at)) >= MOST_SIGNING:
        detail = f"{MOST_SIGNING} signing keys are still valid; wait until one ends (`osr-hub keys list`)"
        raise Conflict("too_many_keys", detail)
    await store.retire_keys(c, press.at + grace)
    await store.make_key(c, keys, press.at)
    subject = {"until": (press.at + grace).isoformat()}
    await audit.write(
        c, Note(at=press.at, actor=press.actor, action="key.rotated", subject=subject, reason=press.reason)
    )


async def reseal(c: Connection, keys: Keys, press: Press) -> Resealed:
    """Seal everything under the first of `keys`; what no key opens is left as it is and named."""
    newest, older, closed = await _sift(c, keys)
    for each, plain in older:
        await store.replace_sealed(c, each, seal(plain, keys))
    done = Counter(each.kind for each, _ in older)
    if done:
        note = Note(at=press.at, actor=press.actor, action="secrets.resealed", subject=dict(done), reason=press.reason)
        await audit.write(c, note)
    return Resealed(done=done, left=newest, closed=closed)


async def survey(c: Connection, keys: Keys) -> tuple[int, Sequence[Sealed]]:
    """Say how many sealed values still need an older key, and which ones no key opens."""
    _, older, closed = await _sift(c, keys)
    return len(older), closed


async def _sift(c: Connection, keys: Keys) -> tuple[int, list[tuple[Sealed, bytes]], list[Sealed]]:
    """Tell apart what the first key sealed (how much), what an older one opens (with what it says), and the rest."""
    newest, older, closed = 0, [], []
    for each in await store.sealed_values(c):
        if is_newest(each.value, keys):
            newest += 1
            continue
        try:
            older.append((each, unseal(each.value, keys)))
        except ConfigurationError:
            closed.append(each)
    return newest, older, closed
