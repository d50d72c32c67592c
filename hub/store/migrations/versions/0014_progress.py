"""What processes write of their progress: their loops, fine durations, and what is unread on topics."""

from hub.store.migrations import plain

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the columns and the table."""
    plain.run("0014_progress.sql")
