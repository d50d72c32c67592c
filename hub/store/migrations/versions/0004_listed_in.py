"""Schools and branches remember in which sectors' files they stand."""

from hub.store.migrations import plain

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add where each is listed; all that is there came from a file of its sector."""
    plain.run("0004_listed_in.sql")
