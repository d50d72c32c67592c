"""The audit becomes a chain per school, with pseudonyms and anchors; what was noted before is chained as it stands."""

from hub.store.migrations import plain

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Chain the audit."""
    plain.run("0002_audit_chain.sql")
