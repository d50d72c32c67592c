"""How processes tell what they do. In: events named `noun.verb`. Out: one line each, on standard error.

JSON in a pipe and colours on a terminal. Libraries that log by the standard library come out the same way, and what a
Kafka that has just started says for a moment is not shown. `hub.tracing` carries the trace.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

import orjson
import structlog

from hub.settings.groups import LogFormat

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from hub.settings.groups import Log

_SECRETS: Final = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)|whsec_[\w+/=-]+|(?<=Bearer )[\w.~+/=-]+")
_PASSING: Final = re.compile(
    "CoordinatorNotAvailable|NotLeaderFor|LeaderNotAvailable|NotCoordinator|CoordinatorLoadInProgress|UnknownTopicOrPart"
    "|not found in cluster metadata|is not available during auto-create|Heartbeat failed|Rebalance|Unable connect"
    "|Unable to connect|Auto create topics is disabled"
    "|Failed fetch messages|Unable to request metadata|Closing connection"
)
_LOUD: Final = {"uvicorn.access": logging.WARNING, "uvicorn": logging.WARNING, "asyncio": logging.WARNING}
_PLAIN: Final = structlog.dev.plain_traceback  # no local variables: they may hold secrets
_QUIET: Final = {"aiokafka": logging.WARNING, "faststream": logging.WARNING, "alembic": logging.WARNING}


def set_up_logging(log: Log, stream: TextIO | None = None) -> None:
    """Send all lines from `log.level` on to `stream` (standard error), in the form of `log.format`."""
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[log.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _mask,
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
    for name, least in (_LOUD | _QUIET).items():
        logging.getLogger(name).setLevel(max(level, least))


def _is_worth_showing(record: logging.LogRecord) -> bool:
    """Drop what a broker that has just started, or a group that finds its balance, says for a moment."""
    return not (record.name.startswith("aiokafka") and _PASSING.search(record.getMessage()))


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take passwords, webhook secrets and tokens out of every text."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _SECRETS.sub("***", value)
    return event


def _order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {"at": event.pop("at", None), "level": event.pop("level", None), "event": event.pop("event", None)}
    return {**first, **event}


def _write_json(event: EventDict, **_options: Any) -> str:  # noqa: ANN401 - structlog hands on json.dumps' options
    return orjson.dumps(event, default=str).decode()
