"""What one person did one by one in the last day counts with what that person does in bulk."""

from hub.store.migrations import plain

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the acts of a person that are no job."""
    plain.run("0007_single_acts.sql")
