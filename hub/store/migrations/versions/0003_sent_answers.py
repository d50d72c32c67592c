"""What the receiver of a delivery answered, and how long it took."""

from hub.store.migrations import plain

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    plain.run("0003_sent_answers.sql")
