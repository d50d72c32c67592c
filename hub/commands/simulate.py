"""`osr-hub simulate duo|las|login`: a believable DUO, a believable LAS, and a login for development.

Every option is also an environment variable `OSR_HUB_SIMULATE__…`, which is how the embedded stack gives them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.clock import now
from hub.commands.options import read_secret
from hub.errors import ConfigurationError
from hub.processes.running import run_until_stopped
from hub.simulators import duo as simulate_duo
from hub.simulators import las_process
from hub.simulators.http import serve_http
from hub.simulators.las import LasMode
from hub.simulators.las_faults import LasFault
from hub.simulators.las_process import LasAddress, LasBehaviour
from hub.simulators.login import LoginSimulator

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from hub.settings import Settings

PREFIX: Final = "OSR_HUB_SIMULATE__"
USUAL_DELAY: Final = 1.0
"""Long enough that what is still on its way to others does not wait for the reports on what came first."""
DEFAULT_OIN: Final = "00000099000000001000"
Delay = Annotated[
    float, typer.Option(min=0, envvar=f"{PREFIX}DELAY", help="Seconds until it reports, more or less by half.")
]

app = typer.Typer(no_args_is_help=True, help="A believable DUO, a believable LAS, and a login for development.")


@app.command()
def duo(delay: Delay = USUAL_DELAY) -> None:
    """Read DUO's queues and report on each message, mostly `processed`, some with signals, some `rejected`."""

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        await simulate_duo.run(settings.duo_kafka.client_options(), simulate_duo.DuoOptions(delay=delay), stop)

    run_until_stopped([run], waits_for_database=False)


@app.command()
def las(  # noqa: PLR0913 - one parameter per option
    *,
    oin: Annotated[str, typer.Option(envvar=f"{PREFIX}OIN", help="Its supplier's OIN; registered.")] = DEFAULT_OIN,
    host: Annotated[str, typer.Option(envvar=f"{PREFIX}HOST", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar=f"{PREFIX}PORT", help="Where it listens; 0: a free port.")] = 0,
    url: Annotated[
        str | None, typer.Option(envvar=f"{PREFIX}URL", help="Its address for the hub; by default host and port.")
    ] = None,
    hub: Annotated[
        str | None, typer.Option(envvar=f"{PREFIX}HUB", help="The hub's API, with /v1; by default the one configured.")
    ] = None,
    token: Annotated[str | None, typer.Option(envvar=f"{PREFIX}TOKEN", help="A token with the role `las`.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(envvar=f"{PREFIX}TOKEN_FILE", help="A file with that token, read for each call.")
    ] = None,
    state_dir: Annotated[
        Path, typer.Option(envvar=f"{PREFIX}STATE_DIR", help="Where it keeps its secret for a restart.")
    ] = Path(".osr-simulate"),
    mode: Annotated[
        LasMode, typer.Option(envvar=f"{PREFIX}MODE", help="How it behaves; PUT /mode changes it.")
    ] = LasMode.GOOD,
    delay: Delay = USUAL_DELAY,
    reports: Annotated[bool, typer.Option(envvar=f"{PREFIX}REPORTS", help="Whether it reports what it did.")] = True,
    fault: Annotated[
        list[LasFault] | None,
        typer.Option(envvar=f"{PREFIX}FAULTS", help="A rule for receivers that it breaks; may be repeated."),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(envvar=f"{PREFIX}SECRET", help="Without a hub: take what is signed by this (whsec_…)."),
    ] = None,
) -> None:
    """Subscribe at the hub, take its webhooks, check them, and report `activated` a moment later."""
    behaviour = LasBehaviour(
        oin=oin,
        mode=mode,
        delay=delay,
        reports=reports,
        faults=tuple(fault or ()),
        secret=None if secret is None else read_secret(secret),
    )
    read_token = _token_reader(token, token_file) if secret is None else str

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        base = hub or f"{settings.http.address.rstrip('/')}/v1"
        address = LasAddress(host=host, port=port, url=url, hub=base, token=read_token, state_dir=state_dir)
        await las_process.run(address, behaviour, stop)

    run_until_stopped([run], waits_for_database=False)


@app.command()
def login(
    *,
    port: Annotated[int, typer.Option(envvar=f"{PREFIX}PORT", help="Where it listens, on this machine only.")],
) -> None:
    """Let people log in as one of some invented people: a school, a board, nobody's role, two operators."""

    async def run(settings: Settings, stop: asyncio.Event) -> None:
        issuer = settings.login_issuer
        if issuer is None or settings.login.client_id is None:
            raise ConfigurationError(
                "no login is set up at this hub", next_step="Set OSR_HUB_LOGIN__ISSUER and OSR_HUB_LOGIN__CLIENT_ID."
            )
        callback = f"{settings.http.address}/login/callback"
        simulator = LoginSimulator(
            issuer=issuer, client_id=settings.login.client_id, redirect_uris=(callback,), clock=now
        )
        async with serve_http(simulator.answer, "127.0.0.1", port):
            await stop.wait()

    run_until_stopped([run], waits_for_database=False)


def _token_reader(token: str | None, token_file: Path | None) -> Callable[[], str]:
    if token_file is not None:
        return lambda: token_file.read_text().strip()
    if token is None:
        words = "give a token by --token or --token-file; osr-hub token --role las --oin … makes one"
        raise typer.BadParameter(words)
    return lambda: token
