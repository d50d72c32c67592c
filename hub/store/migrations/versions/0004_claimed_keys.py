"""Requests with an Idempotency-Key are claimed before they are worked on."""

from hub.store.migrations import plain

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let a row be a claim, and find the rows of a subject."""
    plain.run("0004_claimed_keys.sql")
