"""Lines and traces: readable by programs, without secrets, and without the noise of a broker that just started."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from typing import TYPE_CHECKING

import orjson
import pytest
import structlog

from hub.settings import Log, LogFormat, LogLevel
from hub.settings.groups import LoggedAttempts
from hub.telemetry import (
    LineLog,
    child_of,
    continued_trace,
    current_traceparent,
    is_traceparent,
    new_traceparent,
    trace_id_of,
)
from hub.telemetry.logs import set_up_logging
from hub.telemetry.output import output

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Send all lines to a text, and put logging back afterwards."""
    out, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up_logging(Log(level=LogLevel.INFO, format=LogFormat.JSON), out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    output.stream, output.has_info, output.logs_successes = None, True, True
    structlog.reset_defaults()


def test_a_line_is_json_with_the_event_in_front(lines: io.StringIO) -> None:
    """Time, level and event come first, then what it is about."""
    structlog.get_logger().info("delivery.settled", destination="duo:rio", ms=3)

    read = orjson.loads(lines.getvalue())
    assert list(read) == ["at", "level", "event", "destination", "ms"]
    assert (read["level"], read["event"], read["ms"]) == ("info", "delivery.settled", 3)


def test_secrets_stay_out_of_lines(lines: io.StringIO) -> None:
    """Passwords in addresses, webhook secrets and tokens are masked, in texts and in tracebacks."""
    try:
        int("postgresql://hub:hush@db/osr")
    except ValueError:
        structlog.get_logger().exception("hub.failed", error="Bearer hush.hush whsec_hushhush==")

    assert "hush" not in lines.getvalue()
    assert "postgresql://***@db/osr" in lines.getvalue()


@pytest.mark.parametrize(
    "said",
    [
        "Group Coordinator Request failed: [Error 15] GroupCoordinatorNotAvailableError",
        "Topic osr.mandates.v1 not found in cluster metadata",
        "Got error produce response: [Error 6] NotLeaderForPartitionError",
    ],
)
def test_a_broker_that_just_started_makes_no_noise(lines: io.StringIO, said: str) -> None:
    """What is normal for a moment and tried again is not shown; anything else of the library is."""
    logging.getLogger("aiokafka.cluster").error(said)
    assert lines.getvalue() == ""
    logging.getLogger("aiokafka.cluster").error("the disk is full")
    assert orjson.loads(lines.getvalue())["event"] == "the disk is full"


def test_a_trace_goes_on_with_a_step_of_its_own() -> None:
    """The next hop has the trace of the one before and another step."""
    child = child_of(GIVEN)

    assert is_traceparent(child)
    assert child[:36] == GIVEN[:36]
    assert child != GIVEN


@pytest.mark.parametrize(
    "text", [None, "", "00-0-0-0", GIVEN.upper(), "00-" + "0" * 32 + GIVEN[35:], GIVEN + "\n", "ff" + GIVEN[2:]]
)
def test_what_is_no_trace_begins_a_new_one(text: str | None) -> None:
    """A hostile header never travels on."""
    assert not is_traceparent(text)
    assert is_traceparent(child_of(text))


def test_what_is_done_inside_a_trace_carries_it() -> None:
    """Inside, the trace can be asked for; outside there is none."""
    with continued_trace(GIVEN):
        inside = current_traceparent()

    assert inside is not None
    assert inside[:36] == GIVEN[:36]
    assert current_traceparent() is None
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", new_traceparent())


def test_text_of_others_does_not_steer_a_terminal(lines: io.StringIO) -> None:
    """Control and direction characters are written as escapes, and a line is one line."""
    structlog.get_logger().info("report.refused", error="[/x]\x1b[31m\x9b\u202e\nlevel=info")

    assert lines.getvalue().count("\n") == 1
    assert orjson.loads(lines.getvalue())["error"] == r"[/x]\x1b[31m\x9b\u202e\nlevel=info"


async def test_a_canonical_line_has_the_form_of_any_other(lines: io.StringIO) -> None:
    """What passes none of structlog's processors cannot be told from what does, secrets and escapes included."""
    fields = {"delivery": "1", "httpStatus": None, "error": "\x1b[31m whsec_hushhush== says \u00e9"}
    LineLog(structlog.get_logger("one")).info("delivery.attempted", **fields)
    await asyncio.sleep(0)
    structlog.get_logger("one").info("delivery.attempted", **fields)

    ours, theirs = map(orjson.loads, lines.getvalue().splitlines())
    assert list(ours) == list(theirs)
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", ours["at"])
    assert {**ours, "at": 0} == {**theirs, "at": 0}


async def test_canonical_lines_go_out_in_pieces_that_a_pipe_takes_whole(lines: io.StringIO) -> None:
    """Lines of one turn of the loop are written together, none cut, so that two processes may share a pipe."""
    pieces: list[str] = []
    lines.write = pieces.append  # type: ignore[method-assign,assignment]
    log = LineLog(structlog.get_logger("one"))
    for number in range(100):
        log.info("delivery.attempted", sequence=number, delivery="x" * 300)
    assert pieces == []
    await asyncio.sleep(0)

    assert len(pieces) < 15
    assert all(len(piece) <= 4096 and piece.endswith("\n") for piece in pieces)
    assert [orjson.loads(line)["sequence"] for line in "".join(pieces).splitlines()] == list(range(100))


def test_lines_of_attempts_can_be_kept_to_failures_or_left_out(lines: io.StringIO) -> None:
    """`OSR_HUB_LOG__ATTEMPTS=failed` leaves out successes, the level `warning` both."""
    log = LineLog(structlog.get_logger("two"))
    assert (log.is_on, log.logs_successes) == (True, True)
    set_up_logging(Log(format=LogFormat.JSON, attempts=LoggedAttempts.FAILED), lines)
    assert (log.is_on, log.logs_successes) == (True, False)
    set_up_logging(Log(format=LogFormat.JSON, level=LogLevel.WARNING), lines)
    assert not LineLog(structlog.get_logger("three")).is_on


def test_a_trace_is_found_by_its_id() -> None:
    """The 32 digits in the middle, and nothing where there is no trace."""
    assert trace_id_of(GIVEN) == "0af7651916cd43dd8448eb211c80319c"
    assert trace_id_of(None) is None
