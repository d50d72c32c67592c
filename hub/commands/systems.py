"""`osr-hub systems list|show`: the systems that may be mandated, with their codes, suppliers and contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.database import run_query
from hub.commands.operator import TokenFile
from hub.commands.output import print_json, print_table
from hub.commands.remote import remote_hub
from hub.errors import NotFound
from hub.store import register
from hub.views.models import Items
from hub.views.services import SystemBody, show_system
from schemas.identifiers import SystemCode

if TYPE_CHECKING:
    from hub.commands.remote import RemoteHub
    from hub.settings import Settings
    from hub.store.pool import Connection

COLUMNS = ("system", "supplier", "called", "services", "contact")
app = typer.Typer(no_args_is_help=True)


@app.command(name="list")
def list_(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
    token_file: TokenFile = None,
) -> None:
    """List the systems that may be mandated."""

    async def read(c: Connection, _settings: Settings) -> list[SystemBody]:
        return [show_system(each) for each in (await register.systems(c)).values()]

    remote = remote_hub(token_file)
    found = run_query(read) if remote is None else _read_all(remote)
    if as_json:
        print_json(Items(items=found, next=None))
        return
    print_table("systems", COLUMNS, [_row(each) for each in found])


@app.command()
def show(
    code: Annotated[str, typer.Argument(help="Its code; its supplier's OIN where it has none.")],
    *,
    token_file: TokenFile = None,
) -> None:
    """Show a system as the API answers it."""

    async def read(c: Connection, _settings: Settings) -> SystemBody:
        found = (await register.systems(c)).get(SystemCode(code))
        if found is None:
            msg = f"no system {code}"
            raise NotFound(msg)
        return show_system(found)

    remote = remote_hub(token_file)
    print_json(run_query(read) if remote is None else SystemBody.model_validate(remote.get("systems", code)))


def _read_all(remote: RemoteHub) -> list[SystemBody]:
    """Read the systems page by page."""
    page = Items[SystemBody].model_validate(remote.get("systems"))
    found = [*page.items]
    while page.next is not None:
        page = Items[SystemBody].model_validate(remote.get("systems", cursor=page.next))
        found += page.items
    return found


def _row(each: SystemBody) -> tuple[str, ...]:
    contact = each.contact
    told = ", ".join(filter(None, (contact.name, contact.email, contact.phone, contact.url)))
    return each.system_code, each.supplier_oin, each.system_name, ",".join(each.service_codes), told
