"""What a decision on mandates needs, in one statement, and a token of what it refers to."""

from hub.store.migrations import plain

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table, its triggers, and the function."""
    plain.run("0013_decisions.sql")
