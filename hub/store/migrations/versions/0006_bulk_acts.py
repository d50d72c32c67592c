"""Replays and cancellations of many deliveries; what is held is held lane by lane."""

from hub.store.migrations import plain

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the acts and what they have left to do."""
    plain.run("0006_bulk_acts.sql")
