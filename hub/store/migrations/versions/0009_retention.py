"""Lanes, schools and the published log know how much of them is not kept any more."""

from hub.store.migrations import plain

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make room for what retention counts."""
    plain.run("0009_retention.sql")
