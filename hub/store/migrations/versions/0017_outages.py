"""When destinations were held and their circuits open, for the statement of a month."""

from hub.store.migrations import plain

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the table, and the trigger that fills it."""
    plain.run("0017_outages.sql")
