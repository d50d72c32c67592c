"""`/problems/{kind}`: the address in the `type` of a problem. Out: what the kind means and what to do, for people."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from hub.api.answers import DESCRIPTIONS
from hub.api.problems import STATUSES
from hub.errors import HubError, NotFound

router = APIRouter(prefix="/problems", include_in_schema=False)
ADVICE: Final = {
    400: "Read `errors`: `in` and `field` (a JSON pointer) say where, `code` what, `detail` why. Correct all at once.",
    401: "Send `Authorization: Bearer <token>`, with a token that has not expired and is meant for this hub.",
    403: "Ask for the role that `detail` names, or let someone with that role do it.",
    404: "Check the address and the id. What you may not see is answered in the same way.",
    405: "`Allow` lists what can be done at this address.",
    406: "Send `Accept: application/json`, or nothing.",
    408: "Send the whole request again, without a pause in it.",
    409: "`code` and `detail` say the obstacle; change that first.",
    412: "Read it again, decide again, and send its new `ETag` in `If-Match`.",
    413: "Send less at once.",
    415: "Send JSON, with `Content-Type: application/json`, and not compressed.",
    428: "Send the `ETag` of the version that you change in `If-Match`.",
    429: "Wait as many seconds as `Retry-After` says. For a school that changed too much in an hour `detail` names it.",
    431: "Send fewer or shorter headers; a token may have 16,384 characters.",
    500: "It is our fault, and in the hub's log. Try again later; tell us if it stays.",
    503: "Wait as many seconds as `Retry-After` says, and try again.",
}
MORE: Final = "More: /docs, with guides and the description of the API."
KINDS: Final[dict[str, HTTPStatus]] = {
    **{kind.code: status for kind, status in STATUSES.items() if issubclass(kind, HubError)},
    "method-not-allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}


@router.get("")
async def list_kinds() -> Response:
    """List the kinds of problems."""
    return _text("\n".join(f"{status:d} {kind}" for kind, status in sorted(KINDS.items(), key=lambda each: each[1])))


@router.get("/{kind}")
async def explain(kind: str) -> Response:
    """Explain a kind of problem, and what to do."""
    if kind not in KINDS:
        raise NotFound(f"no kind of problem {kind}")
    status = KINDS[kind]
    says = DESCRIPTIONS.get(status, "This address cannot do that.")
    return _text(f"{kind.replace('-', ' ').capitalize()} ({status:d})\n\n{says}\n\n{ADVICE[status]}\n\n{MORE}")


def _text(body: str) -> Response:
    return Response(f"{body}\n", media_type="text/plain")
