"""Sessions of people who logged in on the pages."""

from hub.store.migrations import plain

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    plain.run("0002_sessions.sql")
