"""`/v1/statements`: what each party owed and took in a month. Out: a line per party, as JSON or CSV."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from hub.api.auth import OperationsHere
from hub.api.state import NowHere, PoolHere, SettingsHere
from hub.observe.statement import MONTH, read_statement
from hub.store.objectives import default_objective
from hub.views.statement import StatementBody, show_statement, write_csv

router = APIRouter(prefix="/statements", tags=["operations"])


@router.get("/{month}", response_model=StatementBody, responses={200: {"content": {"text/csv": {}}}})
async def get_statement(
    _caller: OperationsHere,
    pool: PoolHere,
    settings: SettingsHere,
    now: NowHere,
    month: Annotated[str, Path(pattern=f"^{MONTH.pattern}$", description="As `2026-11`.")],
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> StatementBody | Response:
    """Return what each party owed and took in a month, by the clock of Amsterdam."""
    async with pool.acquire() as c:
        body = show_statement(await read_statement(c, month, now, default_objective(settings)))
    if form == "csv":
        return Response(write_csv(body), media_type="text/csv; charset=utf-8")
    return body
