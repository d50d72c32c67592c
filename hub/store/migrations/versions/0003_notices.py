"""Notices to suppliers: where they go, and which were written."""

from hub.store.migrations import plain

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the address and the table."""
    plain.run("0003_notices.sql")
