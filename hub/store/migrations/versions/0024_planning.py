"""What the planner locks and reads for a batch, in one statement."""

from hub.store.migrations import plain

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the functions."""
    plain.run("0024_planning.sql")
