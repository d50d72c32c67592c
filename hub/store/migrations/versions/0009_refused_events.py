"""Events that the broker refuses are set aside."""

from hub.store.migrations import plain

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns and the index."""
    plain.run("0009_refused_events.sql")
