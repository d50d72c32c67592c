"""The schema's history, plain SQL run by Alembic; safe to repeat and safe from several processes at once."""

from hub.store.migrations.run import current_revision, is_current, migrate, newest_revision

__all__ = ["current_revision", "is_current", "migrate", "newest_revision"]
