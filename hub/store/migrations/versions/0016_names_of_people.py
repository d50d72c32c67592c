"""What people are called, for the history that schools read."""

from hub.store.migrations import plain

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the column."""
    plain.run("0016_names_of_people.sql")
