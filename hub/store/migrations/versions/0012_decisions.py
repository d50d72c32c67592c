"""What a decision on mandates needs, in one statement, and a token of what it refers to."""

from hub.store.migrations import plain

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table, its triggers, and the function."""
    plain.run("0012_decisions.sql")
