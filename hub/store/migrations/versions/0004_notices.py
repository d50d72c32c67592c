"""Notices to suppliers: where they go, and which were written."""

from hub.store.migrations import plain

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the address and the table."""
    plain.run("0004_notices.sql")
