"""Notices to suppliers: where they go, and which were written."""

from hub.store.migrations import plain

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the address and the table."""
    plain.run("0002_notices.sql")
