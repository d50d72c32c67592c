"""What processes write of their progress: their loops, fine durations, and what is unread on topics."""

from hub.store.migrations import plain

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns and the table."""
    plain.run("0013_progress.sql")
