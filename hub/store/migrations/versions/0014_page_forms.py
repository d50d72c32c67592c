"""Forms on pages that are kept until they are accepted, and act once."""

from hub.store.migrations import plain

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table."""
    plain.run("0014_page_forms.sql")
