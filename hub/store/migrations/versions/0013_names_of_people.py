"""What people are called, for the history that schools read."""

from hub.store.migrations import plain

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column."""
    plain.run("0013_names_of_people.sql")
