"""The beginning of what a receiver wrote, with each failed attempt."""

from hub.store.migrations import plain

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column."""
    plain.run("0011_answers.sql")
