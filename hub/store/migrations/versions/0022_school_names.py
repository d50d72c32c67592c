"""Find schools by a part of their name without reading all of them."""

from hub.store.migrations import plain

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the index on names."""
    plain.run("0022_school_names.sql")
