"""The rules for receivers, each with the check that judges it. In: a receiver to send to. Out: a result per rule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.domain.kinds import Kind
from hub.domain.signing import TOLERANCE, new_secret
from hub.outbound.handshake import Agreed, ask_consent
from hub.qualify.messages import change, grow
from hub.qualify.verdicts import RuleResult, Verdict, right, wrong

if TYPE_CHECKING:
    from hub.qualify.counterpart import Counterpart

LARGE: Final = 256 * 1024
LATE: Final = timedelta(days=3)
OLD: Final = 2 * TOLERANCE
RATE: Final = 120
Run: TypeAlias = Callable[["Counterpart"], Awaitable[RuleResult]]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: what a right receiver does, the check, and what to do about a wrong one.

    One that `needs` the secret is judged only where it was given and the plain signed message was taken.
    """

    name: str
    rule: str
    run: Run
    advice: str
    needs_secret: bool = True


async def _handshake(hub: Counterpart) -> RuleResult:
    consent = await ask_consent(hub.outbound, hub.url, origin=hub.origin, rate=None)
    if not isinstance(consent, Agreed):
        return wrong(consent.detail)
    rated = await ask_consent(hub.outbound, hub.url, origin=hub.origin, rate=RATE)
    if isinstance(rated, Agreed):
        agreed = "no limit" if rated.allowed_rate is None else f"{rated.allowed_rate} a minute"
        return right(f"consents to {hub.origin}; asked for {RATE} a minute it allows {agreed}")
    return right(f"consents to {hub.origin}; it agrees to no rate, so subscribe without `requestedRatePerMinute`")


async def _signed(hub: Counterpart) -> RuleResult:
    result = await hub.expect_taken(hub.mandate.next())
    hub.has_taken = result.verdict is Verdict.RIGHT
    return result


async def _wrong_signature(hub: Counterpart) -> RuleResult:
    """Sign by another secret, change the body after signing, sign nothing; the first that is not refused counts."""
    message = hub.mandate.forgery()
    changed = message.body.replace(b'"VVA"', b'"RIO"')
    result = await hub.expect_refused(message, [hub.stranger])
    if _is_right(result) and hub.secret is not None:
        result = _of("its body was changed", await hub.expect_altered_refused(message, changed, is_signed=True))
    if _is_right(result):
        result = _of("it was not signed", await hub.expect_altered_refused(message, message.body, is_signed=False))
    return result


async def _old_timestamp(hub: Counterpart) -> RuleResult:
    return await hub.expect_refused(hub.mandate.forgery(), signed_ago=OLD)


async def _repeat(hub: Counterpart) -> RuleResult:
    message = hub.mandate.next()
    first = await hub.expect_taken(message)
    return await hub.expect_taken(message) if first.verdict is Verdict.RIGHT else first


async def _late_retry(hub: Counterpart) -> RuleResult:
    return await hub.expect_taken(hub.mandate.next(recorded_at=hub.mandate.at - LATE))


async def _rotated_secret(hub: Counterpart) -> RuleResult:
    first = await hub.expect_taken(hub.mandate.next(), [new_secret(), *hub.known])
    return await hub.expect_taken(hub.mandate.next(), [*hub.known, new_secret()]) if _is_right(first) else first


async def _both_signatures(hub: Counterpart) -> RuleResult:
    return await hub.expect_taken(hub.mandate.next(), keys=[hub.key])


async def _unknown_type(hub: Counterpart) -> RuleResult:
    return await hub.expect_taken(change(hub.mandate.next(), {"type": "nl.osr.mandate.qualified.v1"}))


async def _unknown_attribute(hub: Counterpart) -> RuleResult:
    return await hub.expect_taken(change(hub.mandate.next(), {"addedlater": "yes"}, addedLater={"is": ["new"]}))


async def _large_body(hub: Counterpart) -> RuleResult:
    return await hub.expect_taken(grow(hub.mandate.next(), LARGE))


async def _unordered(hub: Counterpart) -> RuleResult:
    earlier, later = hub.mandate.next(), hub.mandate.next()
    first = await hub.expect_taken(later)
    return await hub.expect_taken(earlier) if _is_right(first) else first


async def _no_previous(hub: Counterpart) -> RuleResult:
    return await hub.expect_taken(hub.mandate.next(has_previous=False))


async def _in_time(hub: Counterpart) -> RuleResult:
    """Take the invented mandate back, and judge the slowest of all answers."""
    if hub.has_taken:
        await hub.expect_taken(hub.mandate.next(Kind.WITHDRAWN))
    if hub.is_late:
        return wrong(f"at least one request was not answered within {hub.seconds:g} s")
    return right(f"the slowest answer took {hub.slowest_ms} ms")


def _of(what: str, result: RuleResult) -> RuleResult:
    return RuleResult(result.verdict, f"{result.detail} ({what})")


def _is_right(result: RuleResult) -> bool:
    return result.verdict is Verdict.RIGHT


CHECKS: Final = (
    Check(
        "handshake",
        "consents to the handshake",
        _handshake,
        "Answer OPTIONS with `WebHook-Allowed-Origin` that repeats `WebHook-Request-Origin`, or `*`; with "
        "`WebHook-Allowed-Rate` where a rate was asked for.",
        needs_secret=False,
    ),
    Check(
        "signed_message",
        "takes a signed message",
        _signed,
        "Answer 2xx once the message is stored. Verify the bytes of the body as they came, with a library of Standard "
        "Webhooks and the secret as it was given, `whsec_` included.",
    ),
    Check(
        "wrong_signature",
        "refuses a wrong signature",
        _wrong_signature,
        "Verify before anything else; answer 401 where no signature is right. A stranger can send you mandates now.",
        needs_secret=False,
    ),
    Check(
        "old_timestamp",
        "refuses an old timestamp",
        _old_timestamp,
        "Refuse a `webhook-timestamp` more than five minutes away: 401. A message that somebody recorded can be "
        "played back to you now.",
    ),
    Check(
        "repeat",
        "takes a repeat without harm",
        _repeat,
        "Answer 2xx to a message whose `id` you have, and do nothing more; else the hub goes on sending it.",
    ),
    Check(
        "late_retry",
        "takes a late retry",
        _late_retry,
        "Judge the age by `webhook-timestamp` alone; `time` says when the change was recorded, and a retry comes up "
        "to three days after that.",
    ),
    Check(
        "rotated_secret",
        "takes a message that two secrets signed",
        _rotated_secret,
        "Look at every signature in `webhook-signature`; one that is right is enough, wherever it stands.",
    ),
    Check(
        "both_signatures",
        "takes a message with a `v1` and a `v1a` signature",
        _both_signatures,
        "Pass over signatures of a version that you do not verify.",
    ),
    Check(
        "unknown_type",
        "takes a type that it does not know",
        _unknown_type,
        "Answer 2xx to a type that you have no use for; types are added without notice.",
    ),
    Check(
        "unknown_attribute",
        "takes attributes and data that it does not know",
        _unknown_attribute,
        "Ignore attributes and members of `data` that you do not know; they are added without notice.",
    ),
    Check("large_body", "takes a body of 256 KB", _large_body, "Allow bodies of 256 KB and more."),
    Check(
        "unordered",
        "takes messages out of order",
        _unordered,
        "Take a message whose `sequence` is below the highest you saw, or whose `previoussequence` is above it; let "
        "`mandateVersion` decide what you keep, and fetch what is missing.",
    ),
    Check(
        "no_previous",
        "takes a message without `previoussequence`",
        _no_previous,
        "Take it: the attribute is absent on the first message of a lane.",
    ),
    Check(
        "in_time",
        "answers within 15 s",
        _in_time,
        "Store the message, answer, and do the work afterwards.",
        needs_secret=False,
    ),
)
