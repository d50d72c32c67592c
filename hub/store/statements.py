"""The named statements of `*.sql` in this folder, as one namespace: a name is unique over all files.

A statement is awaited with a connection and its named parameters. The ending of its name says what comes back: a list
of rows, one row (`^`), one value (`$`), or nothing of use (`!`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.store.pool import Connection


class ListAdapter(AsyncPGAdapter):
    """aiosql's own adapter, except that many rows come as a list."""

    is_aio_driver = False  # hands our coroutines through as they are, instead of wrapping many rows in a generator

    async def select(
        self,
        conn: Connection,
        query_name: str,
        sql: str,
        parameters: Mapping[str, Any],
        record_class: None = None,  # noqa: ARG002 - the library's signature
    ) -> list[Any]:
        """Fetch all rows."""
        ordered: Sequence[Any] = self.maybe_order_params(query_name, parameters)  # type: ignore[no-untyped-call]
        return list(await conn.fetch(sql, *ordered))


_adapter: Any = ListAdapter  # whose many rows are a list, unlike its protocol's
SCHEMA: Final = "schema.sql"
NAME: Final = re.compile(r"^(?=-- name: (\w+))", re.MULTILINE)


class Statements:
    """The statements by their names. Each is parsed when it is first asked for: a command needs a few of hundreds."""

    def __init__(self, text: str) -> None:
        _, *parts = NAME.split(text)
        self._texts = dict(zip(parts[::2], parts[1::2], strict=True))
        if 2 * len(self._texts) < len(parts):
            raise ValueError("two statements have one name")

    def __dir__(self) -> list[str]:
        """Return all names."""
        return list(self._texts)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the library's own
        """Parse a statement and keep it; raise `AttributeError` when there is none of this name."""
        if name not in self._texts:
            raise AttributeError(f"no statement is called {name}")
        parsed = getattr(aiosql.from_str(self._texts[name], _adapter, mandatory_parameters=False), name)
        setattr(self, name, parsed)
        return parsed


queries: Final = Statements(
    "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.sql")) if path.name != SCHEMA
    )
)
