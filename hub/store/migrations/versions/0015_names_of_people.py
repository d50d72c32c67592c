"""What people are called, for the history that schools read."""

from hub.store.migrations import plain

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column."""
    plain.run("0015_names_of_people.sql")
