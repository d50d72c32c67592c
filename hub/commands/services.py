"""`osr-hub services list|add|change`: what mandates can be for."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.database import run_change, run_query
from hub.commands.operator import TokenFile, identify_actor
from hub.commands.options import Reason
from hub.commands.output import print_json, print_line, print_table
from hub.commands.remote import remote_hub
from hub.operations import services
from hub.operations.services import NewService
from hub.settings import load
from hub.store import register
from hub.views.models import Items
from hub.views.services import ServiceBody, show_service
from schemas.identifiers import InvalidIdentifier, ServiceCode, parse_service_code
from schemas.text import parse_name

if TYPE_CHECKING:
    from hub.domain.system import Service
    from hub.settings import Settings
    from hub.store.pool import Connection

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="As the API answers it.")]
Code = Annotated[str, typer.Argument(help="As the register codes it, such as ROD_VO.")]
ShownAs = Annotated[str, typer.Option("--shown-as", help="What people call it.")]


class ServiceKind(StrEnum):
    """Who receives the messages of a service."""

    DUO = "duo"
    LAS = "las"


@app.command(name="list")
def list_(*, as_json: AsJson = False, token_file: TokenFile = None) -> None:
    """List the services, with the queue and topic of each."""

    async def read(c: Connection, _settings: Settings) -> list[ServiceBody]:
        return [show_service(each) for each in await register.services(c)]

    remote = remote_hub(token_file)
    answered = None if remote is None else Items[ServiceBody].model_validate(remote.get("services"))
    found = run_query(read) if answered is None else answered.items
    if as_json:
        print_json(Items(items=found, next=None))
        return
    rows = [(each.service_code, each.shown_as, each.kind, each.destination or "", each.topic or "") for each in found]
    print_table("services", ("service", "shown as", "kind", "destination", "topic"), rows)


@app.command()
def add(
    code: Code,
    *,
    shown_as: ShownAs,
    kind: Annotated[ServiceKind, typer.Option(help="Whether DUO receives its messages, or the mandated system.")],
    reason: Reason,
    token_file: TokenFile = None,
) -> None:
    """Add a service with its destination and its topic; nothing is restarted."""
    wanted = NewService(code=_code(code), shown_as=_name(shown_as), kind=kind.value)

    async def work(c: Connection, settings: Settings) -> Service:
        return await services.add_service(c, await identify_actor(settings, token_file, reason), wanted)

    made = run_change(work, [services.CHANNEL])
    print_line(f"service {made.code}: {made.destination or 'the webhooks of systems'}")
    missing = asyncio.run(services.create_topic(load().duo_kafka, made))
    if missing is not None:
        print_line(missing, is_error=True)
    elif made.topic is not None:
        print_line(f"topic {made.topic} is there")
    for line in services.acl_template(made):
        print_line(line)
    if missing is not None:
        raise typer.Exit(1)


@app.command()
def change(code: Code, *, shown_as: ShownAs, reason: Reason, token_file: TokenFile = None) -> None:
    """Show a service by another name; its code, kind and topic never change."""

    async def work(c: Connection, settings: Settings) -> Service:
        actor = await identify_actor(settings, token_file, reason)
        return await services.rename_service(c, actor, _code(code), _name(shown_as))

    changed = run_change(work, [services.CHANNEL])
    print_line(f"service {changed.code} is shown as {changed.shown_as}")


def _code(text: str) -> ServiceCode:
    try:
        return parse_service_code(text)
    except InvalidIdentifier as fault:
        raise typer.BadParameter(str(fault), param_hint="CODE") from fault


def _name(text: str) -> str:
    try:
        return parse_name(text, "what a service is shown as")
    except InvalidIdentifier as fault:
        raise typer.BadParameter(str(fault), param_hint="--shown-as") from fault
