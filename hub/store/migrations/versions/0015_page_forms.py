"""Forms on pages that are kept until they are accepted, and act once."""

from hub.store.migrations import plain

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the table."""
    plain.run("0015_page_forms.sql")
