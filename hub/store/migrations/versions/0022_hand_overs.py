"""What a forwarder does with lanes, in one statement each: take them, and record what was accepted."""

from hub.store.migrations import plain

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the functions."""
    plain.run("0022_hand_overs.sql")
