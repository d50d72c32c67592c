"""`GET /v1/asyncapi.json`: the description of topics, webhook and messages. Out: the committed document, for anyone."""

from fastapi import APIRouter, Response

from schemas.published import read_asyncapi

router = APIRouter(include_in_schema=False)


@router.get("/asyncapi.json")
async def get_asyncapi() -> Response:
    """Read the description."""
    return Response(read_asyncapi(), media_type="application/json", headers={"Access-Control-Allow-Origin": "*"})
