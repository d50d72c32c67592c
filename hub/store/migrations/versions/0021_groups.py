"""Decisions on several schools, by several people, in one statement."""

from hub.store.migrations import plain

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the function, and let the one of older versions call it."""
    plain.run("0021_groups.sql")
