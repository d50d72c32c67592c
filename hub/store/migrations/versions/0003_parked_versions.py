"""Parked reports know the version of the mandate that they wait for."""

from hub.store.migrations import plain

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    plain.run("0003_parked_versions.sql")
