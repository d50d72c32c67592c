"""Run all checks against a receiver. In: its URL and secret. Out: a judgement per rule, and whether it qualifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.qualify.checks import CHECKS
from hub.qualify.verdicts import RuleResult, Verdict, not_judged

if TYPE_CHECKING:
    from datetime import datetime

    from hub.qualify.checks import Check
    from hub.qualify.counterpart import Counterpart

NOT_JUDGED_FROM_OUTSIDE: Final = (
    "whether a repeat had no effect, and not only a good answer",
    "whether a `mandateVersion` that is not above the one held is ignored",
    "whether a message is stored before it is answered",
    "whether something missing is noticed by `previoussequence` and fetched",
    "whether `activated` is reported, and differences are found after an absence",
    "whether `v1a` is verified: the key of this run is not the hub's",
)
_NO_SECRET: Final = "no secret was given, so nothing could be signed as the hub does"  # noqa: S105 - it is a sentence
_NOT_TAKEN: Final = "the plain signed message was not taken, so a refusal would prove nothing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A rule, and the result on it."""

    check: Check
    result: RuleResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """All judgements on a receiver; it qualifies when each rule was judged and none is broken."""

    at: datetime
    url: str
    origin: str
    judgements: tuple[Judgement, ...]

    @property
    def is_qualified(self) -> bool:
        """Whether every rule was found right."""
        return self.count(Verdict.RIGHT) == len(self.judgements)

    def count(self, verdict: Verdict) -> int:
        """Return how many rules have a verdict."""
        return sum(each.result.verdict is verdict for each in self.judgements)


async def qualify(hub: Counterpart) -> Qualification:
    """Play the hub against a receiver; the invented mandate is withdrawn at the end."""
    at = hub.clock()
    judgements = [Judgement(check, await _judge(check, hub)) for check in CHECKS]
    return Qualification(at=at, url=hub.url.partition("?")[0], origin=hub.origin, judgements=tuple(judgements))


async def _judge(check: Check, hub: Counterpart) -> RuleResult:
    if check.needs_secret and hub.secret is None:
        return not_judged(_NO_SECRET)
    if check.needs_secret and check.name != CHECKS[1].name and not hub.has_taken:
        return not_judged(_NOT_TAKEN)
    return await check.run(hub)
