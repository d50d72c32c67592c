"""When destinations were held and their circuits open, for the statement of a month."""

from hub.store.migrations import plain

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the table, and the trigger that fills it."""
    plain.run("0015_outages.sql")
