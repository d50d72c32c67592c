"""What a forwarder does with lanes, in one statement each: take them, and record what was accepted."""

from hub.store.migrations import plain

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the functions."""
    plain.run("0023_hand_overs.sql")
