"""`GET /v1/asyncapi.json`: the description of topics, webhook and messages. Out: the committed document, for anyone.

Queues of services that were added here are described in it too, as far as the database answers.
"""

from fastapi import APIRouter, Request, Response

from hub.api.state import borrow
from hub.operations.services import read_duo_topics
from hub.store.pool import DATABASE_ERRORS
from schemas.added_queues import with_queues
from schemas.published import read_asyncapi

router = APIRouter(include_in_schema=False)


@router.get("/asyncapi.json")
async def get_asyncapi(request: Request) -> Response:
    """Read the description."""
    try:
        async with borrow(request) as c:
            document = with_queues(read_asyncapi(), await read_duo_topics(c))
    except DATABASE_ERRORS:  # it is for people who look for help, perhaps because of that
        document = read_asyncapi()
    return Response(document, media_type="application/json", headers={"Access-Control-Allow-Origin": "*"})
