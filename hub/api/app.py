"""Builds the application. In: settings, and for tests a pool and a clock. Out: an ASGI application."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any, Final

import structlog
from fastapi import FastAPI

from hub.access.verify import Verifier, verifier_for
from hub.api import openapi, problems
from hub.api.chores import running_chores
from hub.api.idempotency import IdempotencyMiddleware
from hub.api.limits import RateLimitMiddleware
from hub.api.middleware import ErrorMiddleware
from hub.api.reports import close_reports
from hub.api.request_body import RequestBodyMiddleware
from hub.api.request_form import BASE
from hub.api.shares import ShareMiddleware, TurnMiddleware
from hub.api.state import AppState
from hub.api.unknown_parameters import KnownParameters
from hub.api.warm_pool import warm_up
from hub.clock import Clock
from hub.clock import now as read_clock
from hub.login.provider import provider_for
from hub.settings import Settings
from hub.store.pool import Pool, open_pool

ROUTERS: Final[tuple[str, ...]] = (
    "mandates",
    "routing",
    "deliveries",
    "keys",
    "subscriptions",
    "schools",
    "services",
    "systems",
    "events",
    "status",
    "lanes",
    "reconciliation",
    "snapshots",
    "lag",
    "statements",
    "destinations",
    "replays",
    "cancellations",
    "parked",
    "audit",
    "schemas",
    "asyncapi",
)
"""The resources under `/v1`, each a module of this package with a `router`; those that are changed most come first."""
PAGES: Final = (
    "files",
    "login",
    "backchannel",
    "sessions",
    "acts",
    "act_forms",
    "statement",
    "deliveries",
    "destinations",
    "objectives",
    "lag_stream",
    "search",
    "school_grid",
    "parked",
    "audit_log",
    "overview",
    "services",
    "live",
    "schools",
    "grants",
    "mandates",
    "routing",
    "division",
    "copies",
    "docs",
    "missing",
)
WATCHING: Final = ("hub.api.health", "hub.api.metrics")
"""Modules for those who watch over the hub; they can have a port of their own."""
UNVERSIONED: Final[tuple[str, ...]] = (
    "hub.api.problem_pages",
    *(f"hub.console.{name}" for name in PAGES),
)
"""Modules with a `router` outside `/v1`."""
OPTIONS: Final[dict[str, Any]] = {
    "openapi_url": None,
    "docs_url": None,
    "redoc_url": None,
    "redirect_slashes": False,
    "telemetry": {"tracing": False},
    "generate_unique_id_function": openapi.operation_id,
}
"""The description of the API is a route of our own, and an address with a slash at its end is 404."""
CONNECTIONS: Final = 8
SWEEP_SECONDS: Final = 3600.0
log = structlog.get_logger(__name__)


def create_app(
    settings: Settings, pool: Pool | None = None, *, verifier: Verifier | None = None, clock: Clock = read_clock
) -> FastAPI:
    """Make the application; without a pool it opens one when it starts and closes it when it stops."""
    address = settings.http.address
    shared = AppState(
        settings=settings,
        verifier=verifier or verifier_for(settings),
        provider=provider_for(settings),
        clock=clock,
        pool=pool,
    )
    app = FastAPI(lifespan=_lifespan(shared), **OPTIONS)
    app.state.shared = shared
    app.add_middleware(IdempotencyMiddleware)
    app.add_middleware(RequestBodyMiddleware, silence_seconds=settings.limits.silence_seconds)
    app.add_middleware(ShareMiddleware, settings=settings.limits)
    app.add_middleware(RateLimitMiddleware, settings=settings.limits)
    page: problems.ErrorPage = import_module("hub.console.route").show_error
    app.add_middleware(ErrorMiddleware, address=address, page=page)
    app.add_middleware(TurnMiddleware)
    problems.install(app, address, page)
    openapi.install(app, address)
    for name in ROUTERS:
        app.include_router(import_module(f"hub.api.{name}").router, prefix=BASE, dependencies=[KnownParameters])
    for name in UNVERSIONED if settings.http.monitoring_port is not None else (*WATCHING, *UNVERSIONED):
        app.include_router(import_module(name).router)
    return app


def create_monitoring_app(shared: AppState) -> FastAPI:
    """Make the application of the port of its own, beside one whose state it shares."""
    address = shared.settings.http.address
    app = FastAPI(**OPTIONS)
    app.state.shared = shared
    app.add_middleware(ErrorMiddleware, address=address)
    problems.install(app, address)
    openapi.install(app, address)
    for name in WATCHING:
        app.include_router(import_module(name).router)
    return app


def _lifespan(shared: AppState) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if shared.pool is None:
                shared.pool = await open_pool(
                    shared.settings.database.url, name="serve", max_size=CONNECTIONS, is_lazy=True, warm_up=warm_up
                )
                stack.push_async_callback(shared.pool.close)
                shared.watching_pool = await open_pool(
                    shared.settings.database.url, name="serve watching", max_size=2, is_lazy=True
                )
                stack.push_async_callback(shared.watching_pool.close)
            stack.push_async_callback(shared.statements.close)
            stack.push_async_callback(close_reports, app)
            stack.push_async_callback(shared.verifier.keys.close)
            await stack.enter_async_context(running_chores(shared))
            yield

    return live
