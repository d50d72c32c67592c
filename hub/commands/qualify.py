"""`osr-hub qualify`: play the hub against a receiver. Exit code 1 when it does not qualify.

It needs no hub, database or broker, and asks for no settings; those for webhooks (certificates) are used where given.
"""

from __future__ import annotations

import asyncio
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.clock import now
from hub.commands.options import read_secret
from hub.commands.output import end_at_once, print_json, print_line
from hub.outbound import Outbound
from hub.outbound.addresses import AddressNotAllowed, read_url
from hub.outbound.handshake import origin_of
from hub.qualify import NOT_JUDGED_FROM_OUTSIDE, Verdict, qualify
from hub.qualify.counterpart import Counterpart
from hub.settings import Webhook, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.qualify import Judgement, Qualification
    from hub.settings import Settings

SECONDS: Final = 15.0
EVERYWHERE: Final = "0.0.0.0/0,::/0"
WIDTH: Final = 100
MARKS: Final = {Verdict.RIGHT: "right", Verdict.WRONG: "WRONG", Verdict.NOT_JUDGED: "not judged"}
MARGIN: Final = " " * 12
app = typer.Typer()


@app.command("qualify")
def qualify_receiver(
    url: Annotated[
        str, typer.Argument(help="The receiver, as the hub would call it. Give one that is meant for tests.")
    ],
    *,
    secret: Annotated[
        str | None, typer.Option(envvar="OSR_HUB_SIMULATE__SECRET", help="The secret that it knows: whsec_…")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="The name it is asked to consent to; by default the hub's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Send a receiver what the hub may send, right and wrong, and print what it does right and wrong.

    The messages are about a mandate of a school (99ZZ) that does not exist; it is withdrawn at the end.
    """
    _check_url(url)
    found = asyncio.run(_run(url, None if secret is None else read_secret(secret), origin, load()))
    if as_json:
        from hub.views.qualification import show_qualification  # noqa: PLC0415 - for programs only

        print_json(show_qualification(found))
    else:
        for line in _report(found):
            print_line(line)
    end_at_once(0 if found.is_qualified else 1)


async def _run(url: str, secret: bytes | None, origin: str | None, settings: Settings) -> Qualification:
    """Call the receiver wherever it is: whoever runs this chose its address."""
    seconds = min(SECONDS, settings.webhook.timeout_seconds)
    everywhere = Webhook.model_validate({"allowed_networks": EVERYWHERE}).allowed_networks
    options = settings.webhook.model_copy(update={"timeout_seconds": seconds, "allowed_networks": everywhere})
    async with Outbound(options) as outbound:
        return await qualify(
            Counterpart(
                outbound=outbound,
                url=url,
                origin=origin or origin_of(settings.http.address),
                clock=now,
                secret=secret,
                seconds=seconds,
            )
        )


def _check_url(url: str) -> None:
    try:
        read_url(url)
    except AddressNotAllowed as fault:
        raise typer.BadParameter(str(fault), param_hint="URL") from fault


def _report(found: Qualification) -> Iterator[str]:
    yield f"Qualification of the receiver at {found.url}"
    yield f"{found.at:%Y-%m-%d %H:%M:%S} UTC, by osr-hub as {found.origin}"
    yield ""
    for each in found.judgements:
        yield from _lines(each)
    yield ""
    yield "Not judged, because it cannot be seen from outside:"
    yield from (f"  - {what}" for what in NOT_JUDGED_FROM_OUTSIDE)
    if not found.url.lower().startswith("https:"):
        yield "  - TLS: this address is plain http, which the hub calls in allowed networks only"
    yield ""
    yield _conclusion(found)


def _lines(each: Judgement) -> Iterator[str]:
    verdict = each.result.verdict
    yield f"{MARKS[verdict]:<{len(MARGIN)}}{each.check.rule}"
    if verdict is not Verdict.RIGHT:
        yield f"{MARGIN}It {each.result.detail}." if verdict is Verdict.WRONG else f"{MARGIN}{each.result.detail}"
    if verdict is Verdict.WRONG:
        yield fill(each.check.advice, WIDTH, initial_indent=MARGIN, subsequent_indent=MARGIN)


def _conclusion(found: Qualification) -> str:
    rules = len(found.judgements)
    if found.is_qualified:
        return f"QUALIFIED: all {rules} rules are kept."
    n_wrong, n_open = found.count(Verdict.WRONG), found.count(Verdict.NOT_JUDGED)
    open_words = f", {n_open} not judged" if n_open else ""
    hint = "" if n_wrong else "; give --secret to have the others judged"
    return f"NOT QUALIFIED: of {rules} rules {n_wrong} broken{open_words}{hint}."
