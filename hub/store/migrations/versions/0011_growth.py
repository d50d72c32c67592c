"""What keeps a large ledger fast: an index of held lanes, and how often tables are vacuumed."""

from hub.store.migrations import plain

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the index and the settings."""
    plain.run("0011_growth.sql")
