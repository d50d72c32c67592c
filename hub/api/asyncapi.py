"""`GET /v1/asyncapi.json`: the description of topics, webhook and messages, for anyone. Out: the committed document.

Queues of services that were added here are described in it too, as far as the database answers.
"""

from fastapi import APIRouter, Request, Response

from hub.api.state import borrow
from hub.operations.services import describe_messages

router = APIRouter(include_in_schema=False)


@router.get("/asyncapi.json")
async def get_asyncapi(request: Request) -> Response:
    """Read the description."""
    document = await describe_messages(lambda: borrow(request))
    return Response(document, media_type="application/json", headers={"Access-Control-Allow-Origin": "*"})
