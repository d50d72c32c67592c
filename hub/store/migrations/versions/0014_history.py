"""Histograms of the last day per five minutes, and when a parked record was written."""

from hub.store.migrations import plain

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table and the column."""
    plain.run("0014_history.sql")
