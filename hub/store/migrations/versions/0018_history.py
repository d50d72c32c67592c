"""Histograms of the last day per five minutes, and when a parked record was written."""

from hub.store.migrations import plain

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the table and the column."""
    plain.run("0018_history.sql")
