"""Authenticates requests. In: a bearer token. Out: a `Caller` with one of the required roles, or a problem."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hub.access import Caller, Role
from hub.access.rules import require_role
from hub.api.limits import identify
from hub.errors import NotAuthenticated

_bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", scheme_name="bearer", description="Claims: `roles`, `brins`, `bges`, `oin`."
)


async def authenticate(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """Return the caller; raise `NotAuthenticated` without a valid token."""
    if given is None:
        raise NotAuthenticated(was_given="authorization" in request.headers)
    return await identify(request.scope, given.credentials)


CallerHere = Annotated[Caller, Depends(authenticate)]


def require(*roles: Role) -> Callable[[Caller], Awaitable[Caller]]:
    """Return a dependency that requires one of these roles and refuses other callers with 403.

    The description lists the roles as scopes.
    """

    async def check(caller: Annotated[Caller, Security(authenticate, scopes=[*map(str, roles)])]) -> Caller:
        require_role(caller, *roles)
        return caller

    return check


SchoolHere = Annotated[Caller, Depends(require(Role.SCHOOL))]
LasHere = Annotated[Caller, Depends(require(Role.LAS))]
OperationsHere = Annotated[Caller, Depends(require(Role.OPERATIONS))]
