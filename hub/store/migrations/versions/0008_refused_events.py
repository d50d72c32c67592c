"""Events that the broker refuses are set aside."""

from hub.store.migrations import plain

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns and the index."""
    plain.run("0008_refused_events.sql")
