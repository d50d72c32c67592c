"""Decisions on several schools, by several people, in one statement."""

from hub.store.migrations import plain

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the function, and let the one of older versions call it."""
    plain.run("0020_groups.sql")
