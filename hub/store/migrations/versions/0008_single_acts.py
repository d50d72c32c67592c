"""What one person did one by one in the last day counts with what that person does in bulk."""

from hub.store.migrations import plain

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the acts of a person that are no job."""
    plain.run("0008_single_acts.sql")
