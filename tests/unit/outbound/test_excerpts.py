"""What a receiver writes with a failure is kept: its beginning, however it is framed, without a person's number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.domain.delivery import Delivered, Gone, Refused, RetryLater
from hub.outbound import Answered, Outbound
from hub.outbound.excerpt import MAX_EXCERPT_BYTES, read_excerpt
from hub.outbound.heads import read_chunks
from hub.outbound.webhook import classify
from hub.settings import Webhook
from tests.support.receivers.receiver import receiver, reply

LOCAL = Webhook.model_validate({"timeout_seconds": 4, "allowed_networks": "127.0.0.0/8"})
NOW = datetime(2026, 11, 1, tzinfo=UTC)
WORDS = b"maintenance until 09:30"
FRAMED = {
    "a length": b"HTTP/1.1 503 X\r\ncontent-length: 23\r\n\r\n" + WORDS,
    "a length, and the connection ends": b"HTTP/1.1 503 X\r\nconnection: close\r\ncontent-length: 23\r\n\r\n" + WORDS,
    "chunks": b"HTTP/1.1 503 \r\ntransfer-encoding: chunked\r\n\r\n4\r\nmain\r\n13\r\ntenance until 09:30\r\n0\r\n\r\n",
}


@pytest.mark.usefixtures("each_client")
@pytest.mark.parametrize("framed", FRAMED.values(), ids=FRAMED.keys())
async def test_the_words_of_a_failure_come_with_it(framed: bytes) -> None:
    """Whether the body has a length, ends with the connection, or comes in chunks."""
    async with receiver(lambda _: framed) as las, Outbound(LOCAL) as out:
        answer = await out.post(las.url, {}, b"x")
    assert isinstance(answer, Answered)
    assert (answer.status, answer.excerpt) == (503, WORDS)


@pytest.mark.usefixtures("each_client")
async def test_a_connection_is_used_again_after_a_failure_with_words() -> None:
    """Reading the words costs no connection."""
    async with receiver(lambda _: reply(500, WORDS)) as las, Outbound(LOCAL) as out:
        for _ in range(20):
            answer = await out.post(las.url, {}, b"x")
            assert isinstance(answer, Answered)
            assert answer.excerpt == WORDS
    assert las.connections == 1


@pytest.mark.parametrize(("status", "kind"), [(500, RetryLater), (400, Refused), (410, Gone)])
def test_each_failure_carries_the_words(status: int, kind: type[Refused | RetryLater | Gone]) -> None:
    """Masked; a success carries none."""
    outcome = classify(Answered(status=status, duration_ms=1, excerpt=b"leerling 123456782 is onbekend"), NOW)
    assert isinstance(outcome, kind)
    assert outcome.answer == "leerling ********* is onbekend"
    assert isinstance(classify(Answered(status=200, duration_ms=1, excerpt=b"ok"), NOW), Delivered)


def test_a_number_cut_in_two_is_left_out() -> None:
    """The end of the excerpt never shows the first digits of a longer number."""
    whole = b"x" * (MAX_EXCERPT_BYTES - 12) + b" bsn 123456782 en meer"
    text = read_excerpt(whole)
    assert text is not None
    assert text.endswith("x bsn")
    assert len(read_excerpt(b"\xff" + b"y" * 5000) or "") < MAX_EXCERPT_BYTES


def test_an_empty_answer_and_nul_leave_nothing_behind() -> None:
    """What no database stores is dropped; nothing is None."""
    assert read_excerpt(b"") is None
    assert read_excerpt(b" \x00\r\n ") is None
    assert read_excerpt(b"a\x00b") == "ab"


@pytest.mark.parametrize("broken", [b"zz\r\nwords", b"5\r\nwo", b"-5\r\nwords\r\n", b""])
def test_chunks_that_are_none_harm_nobody(broken: bytes) -> None:
    """What came of the content is returned."""
    assert read_chunks(broken) in {b"", b"wo"}
