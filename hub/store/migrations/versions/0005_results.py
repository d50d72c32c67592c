"""Systems are told what DUO did with deliveries: such a message carries its own data."""

from hub.store.migrations import plain

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let a delivery tell of another one."""
    plain.run("0005_results.sql")
