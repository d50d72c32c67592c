"""The kinds of signatures that a receiver asks for."""

from hub.store.migrations import plain

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    plain.run("0007_signatures.sql")
