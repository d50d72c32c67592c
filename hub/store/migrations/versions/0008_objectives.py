"""Objectives of destinations, and how they are met per hour."""

from hub.store.migrations import plain

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns and the table."""
    plain.run("0008_objectives.sql")
