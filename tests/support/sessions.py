"""Makes a connection of a test plan its statements as the hub's own hot connections do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store.database_session import LOOK_UP_BY_KEY

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def prefer_index_lookups(c: Connection) -> None:
    """Set what `connect(..., is_hot=True)` sets."""
    for name, value in {"jit": "off", **LOOK_UP_BY_KEY}.items():
        await c.execute(f"set {name} = '{value}'")
