"""Addresses that lead nowhere, and the root. In: an address. Out: a page that says so, or a way to the first page."""

from fastapi import APIRouter, Response

from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit
from hub.errors import NotFound

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def get_root(here: CurrentVisit) -> Response:
    """Redirect to the pages; an operator goes on from there to the console."""
    return here.go("/console")


@router.api_route("/console/{rest:path}", methods=["GET", "POST"])
@router.api_route("/mandaten/{rest:path}", methods=["GET", "POST"])
@router.api_route("/login/{rest:path}", methods=["GET", "POST"])
@router.api_route("/logout/{rest:path}", methods=["GET", "POST"])
async def get_missing(rest: str) -> Response:
    """Say that there is no such page."""
    msg = f"no page {rest[:100]}"
    raise NotFound(msg)
