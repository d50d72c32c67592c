"""The version of the hub that each process runs."""

from hub.store.migrations import plain

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the column."""
    plain.run("0020_process_versions.sql")
