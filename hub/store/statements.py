"""The named statements of `sql/*.sql`, as one namespace: a name is unique over all files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiosql

queries: Any = aiosql.from_path(Path(__file__).parent / "sql", "asyncpg", mandatory_parameters=False)
