"""The work of a request with an `Idempotency-Key`. In: borrowed connections. Out: one transaction, the response in it.

The transaction begins with the first connection that the request borrows and ends with its response, which is stored in
it: a crash keeps both or neither. Before a request waits for the outside it leaves the database: it holds no connection
while it waits, and what comes afterwards is a new transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.transaction import Transaction

    from hub.store.pool import Connection, Pool


class KeyedWork:
    """The connection and the transaction of one request."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._open: tuple[PoolConnectionProxy[Record], Transaction] | None = None

    @property
    def current(self) -> Connection | None:
        """The connection whose transaction is open, if any."""
        return None if self._open is None else self._open[0]

    async def connection(self) -> Connection:
        """Return the connection of this request, in a transaction."""
        if self._open is None:
            connection = await self._pool.acquire()
            transaction = connection.transaction()
            self._open = connection, transaction
            await transaction.start()
        return self._open[0]

    async def commit(self) -> None:
        """Commit what was done, and give the connection back."""
        if self._open is not None:
            await self._open[1].commit()
            await self._release()

    async def roll_back(self) -> None:
        """Undo what was not committed, and give the connection back, also after an error."""
        if self._open is not None:
            try:
                await self._open[1].rollback()
            finally:
                await self._release()

    async def _release(self) -> None:
        if self._open is not None:
            connection, self._open = self._open[0], None
            await self._pool.release(connection)
