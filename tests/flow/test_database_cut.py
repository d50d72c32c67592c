"""Database connections that are cut repeatedly, as by a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, subscribe_all, tell
from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from hub.store.pool import Connection

SCHOOLS, EACH, CUTS = 40, 25, 20
CUT = """select count(pg_terminate_backend(pid)) from pg_stat_activity
          where application_name = 'osr-hub forward' and datname = current_database()"""


async def test_cut_off_under_load_it_loses_nothing(connection: Connection, database: str) -> None:
    """Twenty cuts under load lose and reorder nothing."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS)
    cut = 0

    async def has_cut() -> bool:
        nonlocal cut
        found = await connection.fetchval(CUT)
        cut += found
        return bool(found)

    async def is_done() -> bool:
        return await counts(connection, oin) == {"delivered": SCHOOLS * EACH}

    async with receiver() as hook:
        await subscribe_all(connection, [oin], [hook.url])
        await tell(connection, [oin], EACH)
        async with forwarder(settings_for(database)):
            for n in range(1, CUTS + 1):

                async def has_moved(n: int = n) -> bool:
                    return len(hook.got) >= n * SCHOOLS * EACH // (2 * CUTS)

                await until(has_moved, within=60)
                await until(has_cut, within=60)
            await until(is_done, within=60)
    ids = [event["id"] for event in messages(hook.got)]
    print(f"\n{cut} connections cut; {len(ids) - len(set(ids))} repeats of {len(set(ids))}")
    assert cut >= CUTS
    assert len(set(ids)) == SCHOOLS * EACH
    assert inversions(messages(hook.got)) == []
    assert await connection.fetchval("select bool_and(head = tail and owner is null) from lanes")
    await assert_books_right(connection)
