"""A supplier may have several systems, each with a code and a contact; services have a version."""

from hub.store.migrations import plain

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Give every system its supplier's OIN as its code, and everything that is about a system that code."""
    plain.run("0003_systems.sql")
