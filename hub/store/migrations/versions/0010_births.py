"""Where and when a process began, so that those beside it see at once that it is gone."""

from hub.store.migrations import plain

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns; a process that entered before has none, and is missed by its heartbeat only."""
    plain.run("0010_births.sql")
