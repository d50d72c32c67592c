"""Replays and cancellations of many deliveries; what is held is held lane by lane."""

from hub.store.migrations import plain

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the acts and what they have left to do."""
    plain.run("0005_bulk_acts.sql")
