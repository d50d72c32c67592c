"""Notices to suppliers: where they go, and which were written."""

from hub.store.migrations import plain

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the address and the table."""
    plain.run("0006_notices.sql")
