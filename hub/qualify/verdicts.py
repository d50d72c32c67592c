"""Verdicts on answers. In: an answer of a receiver. Out: right, wrong or not judged, with what was seen in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from hub.domain.delivery import Delivered, Gone, NotAttempted, Refused, RetryLater
from hub.outbound import Answered
from hub.outbound.webhook import classify

if TYPE_CHECKING:
    from datetime import datetime

    from hub.outbound import Answer


class Verdict(StrEnum):
    """What a check came to."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The verdict of a check, and what was seen."""

    verdict: Verdict
    detail: str


def right(detail: str) -> RuleResult:
    """Return that the receiver does this right."""
    return RuleResult(Verdict.RIGHT, detail)


def wrong(detail: str) -> RuleResult:
    """Return that the receiver does this wrong."""
    return RuleResult(Verdict.WRONG, detail)


def not_judged(detail: str) -> RuleResult:
    """Return that this cannot be judged."""
    return RuleResult(Verdict.NOT_JUDGED, detail)


def judge_taken(answer: Answer, at: datetime) -> RuleResult:
    """Judge the answer to a message that a receiver must take."""
    match classify(answer, at):
        case Delivered() as outcome:
            return right(f"took it: {outcome.http_status} after {outcome.duration_ms} ms")
        case Gone():
            return wrong("answered 410, by which a receiver ends its subscription")
        case RetryLater() as outcome:
            return wrong(f"did not take it: {outcome.error}")
        case Refused() as outcome:
            return wrong(f"refused it: {outcome.error}")
        case NotAttempted() as outcome:
            return not_judged(f"nothing was sent, {outcome.error}: {outcome.next_step}")
        case outcome:
            assert_never(outcome)


def judge_refused(answer: Answer, at: datetime) -> RuleResult:
    """Judge the answer to a request that a receiver must refuse: right is a 4xx that says so and no more."""
    match classify(answer, at):
        case Delivered() as outcome:
            return wrong(f"took it: {outcome.http_status}")
        case Gone():
            return wrong("answered 410, by which a receiver ends its subscription; answer 401")
        case RetryLater() as outcome:
            return wrong(f"did not refuse it, but asks for it again: {outcome.error}; answer 401")
        case Refused() as outcome if isinstance(answer, Answered) and answer.status >= HTTPStatus.BAD_REQUEST:
            return right(f"refused it: {answer.status} after {outcome.duration_ms} ms")
        case Refused() as outcome:
            return wrong(f"did not refuse it: {outcome.error}; answer 401")
        case NotAttempted() as outcome:
            return not_judged(f"nothing was sent, {outcome.error}: {outcome.next_step}")
        case outcome:
            assert_never(outcome)
