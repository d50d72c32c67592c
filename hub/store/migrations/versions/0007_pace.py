"""Refusals counted apart, attempts that come early, and the pace of a destination."""

from hub.store.migrations import plain

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; all of them may be empty, so that nothing is rewritten."""
    plain.run("0007_pace.sql")
