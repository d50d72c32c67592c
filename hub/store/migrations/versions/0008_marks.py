"""How far topics reach, as the database knows it."""

from hub.store.migrations import plain

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the marks."""
    plain.run("0008_marks.sql")
