"""Runs one plain SQL file inside Alembic's transaction. In: a file beside the versions. Out: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from alembic import op
from sqlalchemy.util import await_only

VERSIONS = Path(__file__).parent / "versions"


def run(name: str) -> None:
    """Execute all statements of `versions/<name>` on the driver's own connection."""
    connection = op.get_bind()
    connection.exec_driver_sql("select 1")  # Alembic's transaction begins with the first statement
    driver = cast("Any", connection.connection.driver_connection)
    await_only(driver.execute((VERSIONS / name).read_text(encoding="utf-8")))
