"""`osr-hub up` whose database counts statements, and has room for four of each process."""

from __future__ import annotations

from hub.cli import main
from hub.embedded import postgres

if __name__ == "__main__":
    postgres.SERVER_SETTINGS.update(shared_preload_libraries="pg_stat_statements", max_connections="300")
    main()
