"""What the receiver of a delivery answered, and how long it took."""

from hub.store.migrations import plain

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    plain.run("0005_sent_answers.sql")
