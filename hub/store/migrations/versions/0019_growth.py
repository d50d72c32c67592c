"""What keeps a large ledger fast: an index of held lanes, and how often tables are vacuumed."""

from hub.store.migrations import plain

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the index and the settings."""
    plain.run("0019_growth.sql")
