"""The kinds of signatures that a receiver asks for."""

from hub.store.migrations import plain

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    plain.run("0006_signatures.sql")
