"""The schema of the first release: the register, the event log, the ledger and the counters."""

from hub.store.migrations import plain

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    plain.run("0001_schema.sql")
