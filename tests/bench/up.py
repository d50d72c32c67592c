"""`osr-hub up` with `pg_stat_statements` loaded, so that statements can be counted."""

from __future__ import annotations

from hub.cli import main
from hub.embedded import postgres

if __name__ == "__main__":
    postgres.SERVER_SETTINGS["shared_preload_libraries"] = "pg_stat_statements"
    main()
