"""Who holds a destination or a school, why, and since when."""

from hub.store.migrations import plain

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table, with the holds that there are."""
    plain.run("0012_holds.sql")
