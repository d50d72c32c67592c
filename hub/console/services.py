"""The page that says what each service is and who processes its mandates. In: a visit. Out: the page."""

from fastapi import APIRouter, Response

from hub.access import Role
from hub.console.progress import read_narrator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit
from hub.store import register

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/diensten")
async def get_services(here: CurrentVisit) -> Response:
    """Show all services, with the systems that offer each and how long processing usually takes."""
    here.require(Role.SCHOOL, Role.OPERATIONS)
    async with here.app.open_pool.acquire() as c:
        references = await register.references(c)
        narrator = await read_narrator(c, here.words, here.at.now)
    systems = sorted(references.systems.values(), key=lambda each: (each.name.casefold(), each.code))
    return here.show(
        "service_list.html",
        services=[
            (each, [s for s in systems if each.code in s.service_codes]) for each in references.services.values()
        ],
        narrator=narrator,
    )
