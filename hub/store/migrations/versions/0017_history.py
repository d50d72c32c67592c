"""Histograms of the last day per five minutes, and when a parked record was written."""

from hub.store.migrations import plain

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the table and the column."""
    plain.run("0017_history.sql")
