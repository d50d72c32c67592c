"""A lease finds due lanes by their index alone."""

from hub.store.migrations import plain

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Replace the function."""
    plain.run("0025_due_lanes.sql")
