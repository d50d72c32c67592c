"""All pages. In: requests of browsers. Out: pages, and buttons that were pressed."""

from fastapi import APIRouter

from hub.console import copies, entrance, grants, mandates, operations, routing, schools

router = APIRouter(include_in_schema=False)
for module in (entrance, operations, schools, grants, routing, copies, mandates):
    router.include_router(module.router)
