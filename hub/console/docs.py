"""`/docs`: what those who connect read, open to all. In: a page's name. Out: guides, the API, the messages."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from hub.console.channels import read_channels
from hub.console.guides import GUIDES, RECEIVERS, read_guide, read_receiver, read_runbook
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit
from hub.errors import NotFound
from hub.operations.services import describe_messages
from schemas.documents import document_names

router = APIRouter(prefix="/docs", include_in_schema=False, route_class=PageRoute)
CSP: Final = "Content-Security-Policy"


@router.get("")
async def list_docs(here: CurrentVisit) -> Response:
    """List what there is to read."""
    guides = [(name, read_guide(name, here.language).title) for name in GUIDES]
    return here.show("docs.html", guides=guides, receivers=RECEIVERS, documents=document_names())


@router.get("/api")
async def show_api(here: CurrentVisit) -> Response:
    """Show the description of the API; its pictures are in its style sheet, so this page alone takes `data:` images."""
    page = here.show("docs_api.html")
    page.headers[CSP] = page.headers[CSP].replace("img-src 'self'", "img-src 'self' data:")
    return page


@router.get("/events")
async def show_events(here: CurrentVisit) -> Response:
    """Show topics, webhook and messages."""
    borrow = lambda: here.app.open_pool.acquire()  # noqa: E731, PLW0108 - while there is none the page is shown as well
    channels, messages = read_channels(await describe_messages(borrow))
    return here.show("docs_events.html", channels=channels, messages=messages)


@router.get("/receivers/{name}")
async def get_receiver(name: str) -> Response:
    """Return a file that receivers start from, as text."""
    try:
        return Response(read_receiver(name), media_type="text/plain; charset=utf-8")
    except KeyError:
        raise NotFound from None


@router.get("/runbook")
async def show_runbook(here: CurrentVisit) -> Response:
    """Show the runbook, in English as it is written."""
    return here.show("docs_guide.html", HTTPStatus.OK, guide=read_runbook())


@router.get("/{name}")
async def show_guide(here: CurrentVisit, name: str) -> Response:
    """Show a guide."""
    try:
        return here.show("docs_guide.html", HTTPStatus.OK, guide=read_guide(name, here.language))
    except KeyError:
        raise NotFound from None
