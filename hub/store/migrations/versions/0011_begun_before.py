"""What the same person had begun before an act that waits for another, so that both can see why it waits."""

from hub.store.migrations import plain

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns; of an act from before nothing is known to have come before it."""
    plain.run("0011_begun_before.sql")
