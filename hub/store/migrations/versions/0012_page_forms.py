"""Forms on pages that are kept until they are accepted, and act once."""

from hub.store.migrations import plain

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table."""
    plain.run("0012_page_forms.sql")
