"""Laws of replacing keys on a real database: nothing goes unsigned, nothing needs a key that is leaving."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import SecretStr

from hub.access import Actor
from hub.errors import ConfigurationError, Conflict
from hub.operations import keys as keyring
from hub.sealing import seal, unseal
from hub.store import keys, subscriptions
from tests.support.api.kept_answers import keep_answer
from tests.support.operators import operator
from tests.support.register.subscriptions import KEYS, LAS, NOW, make_register, subscribed
from tests.support.sealing_keys import new_key

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.pool import Connection

WEEK = timedelta(days=7)
NEW = SecretStr(new_key())
BOTH = (NEW, *KEYS)


def press(at: datetime = NOW) -> Actor:
    """Somebody on duty, at this moment."""
    return Actor(caller=operator("duty"), at=at, reason="the yearly change")


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Make a register with one subscription that has a certificate, a signing key, and an answer that is kept."""
    await make_register(connection)
    await subscribed(connection, client_certificate=seal(b"certificate and key", KEYS))
    await keyring.signing_keys(connection, KEYS, NOW)
    await keep_answer(connection, "once", seal(b'{"secret":"whsec_"}', KEYS))
    return connection


async def noted(c: Connection) -> list[tuple[str, Any]]:
    """Read the audit."""
    rows = await c.fetch("select * from audit where action <> 'key.created' order by id")
    return [(row["action"], orjson.loads(row["subject"])) for row in rows]


async def test_a_signing_key_is_replaced_without_a_gap(c: Connection) -> None:
    """Both sign, newest first, until the time of grace is over; both stay public."""
    (old,) = await keys.valid_keys(c, KEYS, NOW)
    later = NOW + timedelta(hours=1)
    async with c.transaction():
        await keyring.rotate(c, KEYS, WEEK, press(later))

    both = await keys.valid_keys(c, KEYS, later + WEEK - timedelta(seconds=1))
    (left,) = await keys.valid_keys(c, KEYS, later + WEEK)

    raw = [key.private_bytes_raw() for key in both]
    assert raw == [left.private_bytes_raw(), old.private_bytes_raw()]
    assert [key.retired_at for key in await keys.public_keys(c)] == [None, later + WEEK]
    assert await noted(c) == [("key.rotated", {"until": (later + WEEK).isoformat()})]


async def test_only_so_many_keys_sign_at_once(c: Connection) -> None:
    """Each costs every message a signature; when one has ended there is room again."""
    for _ in range(2):
        async with c.transaction():
            await keyring.rotate(c, KEYS, WEEK, press())
    with pytest.raises(Conflict, match="3 signing keys are still valid"):
        async with c.transaction():
            await keyring.rotate(c, KEYS, WEEK, press())
    async with c.transaction():
        await keyring.rotate(c, KEYS, WEEK, press(NOW + WEEK))
    assert len(await keys.valid_keys(c, KEYS, NOW + WEEK)) == 2


async def test_what_is_sealed_is_sealed_anew_and_says_the_same(c: Connection) -> None:
    """With the new key alone everything opens; doing it again changes nothing."""
    before = {each.kind: unseal(each.value, KEYS) for each in await keys.sealed_values(c)}
    async with c.transaction():
        first = await keyring.reseal(c, BOTH, press())
        again = await keyring.reseal(c, BOTH, press())

    assert first.done == {"secret": 1, "certificate": 1, "signing_key": 1, "answer": 1}
    assert (again.done, again.left) == ({}, 4)
    assert {each.kind: unseal(each.value, [NEW]) for each in await keys.sealed_values(c)} == before
    assert [action for action, _ in await noted(c)] == ["secrets.resealed"]
    receiver = (await subscriptions.targets(c, [NEW])).popitem()[1]
    assert receiver.identity == b"certificate and key"


async def test_what_no_key_opens_stops_no_other_and_is_named(c: Connection) -> None:
    """The rest is sealed anew; whose it is stands in the answer, and in what a survey finds."""
    stranger = seal(b"x", [SecretStr(new_key())])
    await c.execute("update subscription_secrets set sealed = $1", stranger)
    assert await keyring.count_outdated(c, BOTH) == (3, (await keyring.reseal(c, BOTH, press())).unreadable)
    older, unreadable = await keyring.count_outdated(c, BOTH)
    assert (older, [(each.kind, each.owner) for each in unreadable]) == (0, [("secret", LAS)])
    assert await c.fetchval("select sealed from subscription_secrets") == stranger


async def test_a_secret_that_changed_meanwhile_is_left_alone(c: Connection) -> None:
    """What was read before another wrote is not written over it."""
    (old,) = [each for each in await keys.sealed_values(c) if each.kind == "secret"]
    await c.execute("update subscription_secrets set sealed = $1", seal(b"another", BOTH))
    await keys.replace_sealed(c, old, seal(b"old", BOTH))
    assert unseal(await c.fetchval("select sealed from subscription_secrets"), BOTH) == b"another"


async def test_before_it_is_done_the_new_key_alone_opens_nothing(c: Connection) -> None:
    """Taking the old key away too early is noticed, in words."""
    with pytest.raises(ConfigurationError, match="none of the keys opens"):
        await keys.valid_keys(c, [NEW], NOW)
