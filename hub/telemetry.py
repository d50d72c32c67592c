"""Log lines and the W3C trace. In: events named `noun.verb`, a `traceparent`. Out: one line each on standard error.

Lines are JSON in a pipe and coloured text on a terminal, without secrets and without characters that steer a terminal.
Libraries that use the standard library's logging come out the same way; what aiokafka logs while a broker starts or a
group rebalances is left out. `deploy/log-events.md` lists all events.

The trace goes from request to event to message in OpenTelemetry's own context: with an SDK its spans are used, without
one a `traceparent` is made all the same, so that a message can be followed through log lines.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import orjson
import structlog
from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hub.settings.groups import LogFormat
from schemas.text import make_visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict, Processor, WrappedLogger

    from hub.settings.groups import Log

_SECRETS: Final = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)|whsec_[\w+/=-]+|(?<=Bearer )[\w.~+/=-]+")
_STARTING_UP: Final = re.compile(
    "CoordinatorNotAvailable|NotLeaderFor|LeaderNotAvailable|NotCoordinator|CoordinatorLoadInProgress|UnknownTopicOrPart"
    "|not found in cluster metadata|is not available during auto-create|Heartbeat failed|Rebalance|Unable connect"
    "|Unable to connect|Auto create topics is disabled"
    "|Failed fetch messages|Unable to request metadata|Closing connection"
)
_PLAIN: Final = structlog.dev.plain_traceback  # no local variables: they may hold secrets
_WARNINGS_ONLY: Final = ("uvicorn.access", "uvicorn", "asyncio", "aiokafka", "faststream", "alembic")
_TRACEPARENT: Final = re.compile("00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_W3C: Final = TraceContextTextMapPropagator()


def set_up_logging(log: Log, stream: TextIO | None = None) -> None:
    """Send all lines from `log.level` on to `stream` (standard error), in the form of `log.format`."""
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[log.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _clean,
    ]
    structlog.configure(
        processors=[*shared, *_renderers(log.format, out)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    _route_libraries(shared, log.format, out, level)


def _renderers(form: LogFormat, out: TextIO) -> list[Processor]:
    if form is LogFormat.CONSOLE or (form is LogFormat.AUTO and out.isatty()):
        return [structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="at", exception_formatter=_PLAIN)]
    return [_order, structlog.processors.JSONRenderer(_write_json)]


def _route_libraries(shared: list[Processor], form: LogFormat, out: TextIO, level: int) -> None:
    handler = logging.StreamHandler(out)
    handler.addFilter(_is_worth_showing)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(form, out)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _is_worth_showing(record: logging.LogRecord) -> bool:
    """Return False for what aiokafka logs while a broker starts or a group rebalances."""
    return not (record.name.startswith("aiokafka") and _STARTING_UP.search(record.getMessage()))


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask passwords, webhook secrets and tokens in every text, and write what steers a terminal as escapes."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = make_visible(_SECRETS.sub("***", value), keep="\n\t" if key == "exception" else "")
    return event


def _order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {"at": event.pop("at", None), "level": event.pop("level", None), "event": event.pop("event", None)}
    return {**first, **event}


def _write_json(event: EventDict, **_options: Any) -> str:  # noqa: ANN401 - structlog hands on json.dumps' options
    return orjson.dumps(event, default=str).decode()


def is_traceparent(text: str | None) -> bool:
    """Return whether this is a version 00 `traceparent` that names a trace."""
    return text is not None and _TRACEPARENT.fullmatch(text) is not None


def new_traceparent() -> str:
    """Return the `traceparent` of a new trace."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def child_of(traceparent: str | None) -> str:
    """Return the `traceparent` of a trace's next step, or of a new trace when there is none."""
    if traceparent is None or not is_traceparent(traceparent):
        return new_traceparent()
    return f"{traceparent[:36]}{os.urandom(8).hex()}{traceparent[52:]}"


def current_traceparent() -> str | None:
    """Return the `traceparent` of the current context, for the message that it causes."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued_trace(traceparent: str | None) -> Iterator[None]:
    """Run the body as the next step of this trace."""
    parent = _W3C.extract({"traceparent": child_of(traceparent)}, context.get_current())
    token = context.attach(trace.set_span_in_context(trace.get_current_span(parent), parent))
    try:
        yield
    finally:
        context.detach(token)
