"""The schema's history, plain SQL run by Alembic; safe to repeat and safe from several processes at once."""

from hub.store.migrations.run import current, is_current, migrate, newest

__all__ = ["current", "is_current", "migrate", "newest"]
