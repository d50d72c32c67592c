"""Canonical lines: many, of one form. In: an event and its fields. Out: JSON lines, several per write.

Such a line is written for each attempt, thousands a second in an import, and for each request. So it passes none of
structlog's processors: its fields are the hub's own values, and texts of others are cleaned by name. Where lines are no
JSON they are ordinary lines of structlog. Decision 0027 has what both cost.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.telemetry.output import clean_text, output

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

MOST_BYTES: Final = 4096
"""What Linux writes to a pipe in one piece (PIPE_BUF), so that lines of several processes do not mix."""


class LineLog:
    """Writes lines of level `info`; those of one turn of the event loop go out together, with one moment."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        self._logger = logger
        self._lines: list[bytes] = []
        self._at = ""

    @property
    def logs_successes(self) -> bool:
        """Whether attempts that succeeded are lines too, as `OSR_HUB_LOG__ATTEMPTS` has it."""
        return output.logs_successes

    @property
    def is_on(self) -> bool:
        """Whether lines of level `info` are written at all."""
        return output.has_info

    def info(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - any field, as with structlog
        """Write a line soon; `error` may have words of others, which every other field has cleaned already."""
        if output.stream is None:
            self._logger.info(event, **fields)
            return
        if not self._lines:
            self._at = datetime.now(UTC).isoformat()[:26] + "Z"
            asyncio.get_running_loop().call_soon(self.flush)
        if fields.get("error"):
            fields["error"] = clean_text(fields["error"])
        self._lines.append(orjson.dumps({"at": self._at, "level": "info", "event": event, **fields}))

    def flush(self) -> None:
        """Write the lines that were kept."""
        lines, self._lines = self._lines, []
        piece = b""
        for line in lines:
            if piece and len(piece) + len(line) >= MOST_BYTES:
                _write(piece)
                piece = b""
            piece += line + b"\n"
        if piece:
            _write(piece)


def _write(piece: bytes) -> None:
    stream = output.stream
    if stream is not None:
        stream.write(piece.decode())
        stream.flush()
