"""Objectives of destinations, and how they are met per hour."""

from hub.store.migrations import plain

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns and the table."""
    plain.run("0010_objectives.sql")
