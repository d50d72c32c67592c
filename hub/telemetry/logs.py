"""Log lines. In: events named `noun.verb`. Out: one line each on standard error.

Lines are JSON in a pipe and coloured text on a terminal, without secrets and without characters that steer a terminal.
Libraries that use the standard library's logging come out the same way; what aiokafka logs while a broker starts or a
group rebalances is left out. `deploy/log-events.md` lists all events.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

import orjson
import structlog

from hub.settings.groups import LogFormat, LoggedAttempts
from hub.telemetry.output import clean_text, output

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from hub.settings.groups import Log

_STARTING_UP: Final = re.compile(
    "CoordinatorNotAvailable|NotLeaderFor|LeaderNotAvailable|NotCoordinator|CoordinatorLoadInProgress|UnknownTopicOrPart"
    "|not found in cluster metadata|is not available during auto-create|Heartbeat failed|Rebalance|Unable connect"
    "|Unable to connect|Auto create topics is disabled"
    "|Failed fetch messages|Unable to request metadata|Closing connection"
)
_PLAIN: Final = structlog.dev.plain_traceback  # no local variables: they may hold secrets
_WARNINGS_ONLY: Final = ("uvicorn.access", "uvicorn", "asyncio", "aiokafka", "faststream", "alembic", "opentelemetry")


def set_up_logging(log: Log, stream: TextIO | None = None) -> None:
    """Send all lines from `log.level` on to `stream` (standard error), in the form of `log.format`."""
    out = stream or sys.stderr
    output.stream = out if _is_json(log.format, out) else None
    output.logs_successes = log.attempts is LoggedAttempts.ALL
    level = logging.getLevelNamesMapping()[log.level.upper()]
    output.has_info = level <= logging.INFO
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


def _is_json(form: LogFormat, out: TextIO) -> bool:
    return form is LogFormat.JSON or (form is LogFormat.AUTO and not out.isatty())


def _renderers(form: LogFormat, out: TextIO) -> list[Processor]:
    if not _is_json(form, out):
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
            event[key] = clean_text(value, keep="\n\t" if key == "exception" else "")
    return event


def _order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {"at": event.pop("at", None), "level": event.pop("level", None), "event": event.pop("event", None)}
    return {**first, **event}


def _write_json(event: EventDict, **_options: Any) -> str:  # noqa: ANN401 - structlog hands on json.dumps' options
    return orjson.dumps(event, default=str).decode()
