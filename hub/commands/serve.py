"""`osr-hub serve`: the API, the console and the metrics, until SIGTERM."""

from __future__ import annotations

import typer

from hub.api.server import serve as serve_until
from hub.processes.running import run_until_stopped

app = typer.Typer()


@app.command()
def serve() -> None:
    """Serve requests until SIGTERM; open requests get five seconds to finish."""
    run_until_stopped([serve_until], waits_for_database=False)
