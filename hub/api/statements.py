"""`/v1/statements`: what each party owed and took in a month. Out: a line per party, as JSON or CSV."""

from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from hub.api.auth import OperationsHere
from hub.api.state import AppState, NowHere, app_state
from hub.observe.statement import MONTH
from hub.observe.statement_making import StatementProgress, making_of
from hub.store.objectives import default_objective
from hub.views.statement import StatementBody, StatementProgressBody, show_statement, write_csv

router = APIRouter(prefix="/statements", tags=["operations"])
RETRY_AFTER: Final = "2"
PATIENCE_SHARE: Final = 0.5
"""Of the time that a read may take."""


async def _app(request: Request) -> AppState:
    return app_state(request.scope)


AppHere = Annotated[AppState, Depends(_app)]


@router.get(
    "/{month}",
    response_model=StatementBody,
    responses={
        200: {"content": {"text/csv": {}}},
        202: {"model": StatementProgressBody, "description": "It is being made; ask again after `Retry-After`."},
    },
)
async def get_statement(
    _caller: OperationsHere,
    app: AppHere,
    now: NowHere,
    month: Annotated[str, Path(pattern=f"^{MONTH.pattern}$", description="As `2026-11`.")],
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> StatementBody | Response:
    """Return what each party owed and took in a month, by the clock of Amsterdam.

    A month with very many messages takes longer than an answer may: then the answer is how far it is.
    """
    make = making_of(app.open_pool, month, now, default_objective(app.settings))
    found = await app.statements.ask(month, make, app.settings.limits.read_seconds * PATIENCE_SHARE)
    if isinstance(found, StatementProgress):
        progress = StatementProgressBody(month=month, done=found.done, of=found.of)
        return Response(
            progress.model_dump_json(by_alias=True),
            status_code=int(HTTPStatus.ACCEPTED),
            media_type="application/json",
            headers={"Retry-After": RETRY_AFTER},
        )
    body = show_statement(found)
    if form == "csv":
        return Response(write_csv(body), media_type="text/csv; charset=utf-8")
    return body
