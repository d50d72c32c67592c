"""Events that the broker refuses are set aside."""

from hub.store.migrations import plain

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns and the index."""
    plain.run("0007_refused_events.sql")
