"""`osr-hub qualify` tells a right receiver from wrong ones, each by the rule that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from hub.clock import now
from hub.outbound import Outbound
from hub.qualify import Qualification, Verdict, qualify
from hub.qualify.checks import CHECKS
from hub.qualify.counterpart import Counterpart
from hub.settings import Webhook
from hub.simulators.http import serve_http
from hub.simulators.las import LasMode, SimulatedLas
from hub.simulators.las_faults import LasFault

if TYPE_CHECKING:
    from collections.abc import Collection

SECRET: Final = b"q" * 32
SECONDS: Final = 3.0
ORDERED: Final = [check.name for check in CHECKS]
SIGNED: Final = {check.name for check in CHECKS if check.needs_secret}
BROKEN_BY: Final = {
    LasFault.NO_CONSENT: {"handshake"},
    LasFault.WRONG_ORIGIN: {"handshake"},
    LasFault.TAKES_ANY_SIGNATURE: {"wrong_signature", "old_timestamp"},
    LasFault.TAKES_UNSIGNED: {"wrong_signature"},
    LasFault.IGNORES_AGE: {"old_timestamp"},
    LasFault.FIRST_SIGNATURE_ONLY: {"rotated_secret"},
    LasFault.LAST_SIGNATURE_ONLY: {"rotated_secret", "both_signatures"},
    LasFault.KNOWN_VERSIONS_ONLY: {"both_signatures"},
    LasFault.REFUSES_WITH_500: {"wrong_signature", "old_timestamp"},
    LasFault.REFUSES_WITH_410: {"wrong_signature", "old_timestamp"},
    LasFault.REFUSES_REPEATS: {"repeat"},
    LasFault.AGE_BY_EVENT_TIME: {"late_retry"},
    LasFault.KNOWN_TYPES_ONLY: {"unknown_type"},
    LasFault.KNOWN_ATTRIBUTES_ONLY: {"unknown_attribute"},
    LasFault.SMALL_BODIES_ONLY: {"large_body"},
    LasFault.STRICT_ORDER: {"unordered"},
    LasFault.NEEDS_PREVIOUS: {"no_previous"},
    LasFault.REDIRECTS: {"signed_message"},
    LasFault.TAKES_NOTHING: {"signed_message"},
}
"""The rules that each fault breaks, written by hand; `too-slow` has a test of its own."""


async def judge(
    faults: Collection[LasFault] = (), *, secret: bytes | None = SECRET, seconds: float = SECONDS
) -> Qualification:
    """Qualify a simulated LAS with these faults."""
    las = SimulatedLas(LasMode.GOOD, lambda _: None, lambda: 0, faults)
    las.secrets = (SECRET,)
    options = Webhook.model_validate({"timeout_seconds": seconds, "allowed_networks": "127.0.0.0/8"})
    async with serve_http(las.answer, "127.0.0.1", 0) as port, Outbound(options) as outbound:
        hub = Counterpart(
            outbound=outbound,
            url=f"http://127.0.0.1:{port}/hook?key=hidden",
            origin="hub.test",
            clock=now,
            secret=secret,
            seconds=seconds,
        )
        return await qualify(hub)


def named(found: Qualification, verdict: Verdict) -> set[str]:
    """Return the rules with a verdict."""
    return {each.check.name for each in found.judgements if each.result.verdict is verdict}


async def test_a_right_receiver_qualifies() -> None:
    """Every rule is judged, and each is kept; the report does not show what an address has after its path."""
    found = await judge()
    assert found.is_qualified
    assert [each.check.name for each in found.judgements] == ORDERED
    assert named(found, Verdict.RIGHT) == set(ORDERED)
    assert "hidden" not in found.url


@pytest.mark.parametrize("fault", BROKEN_BY)
async def test_a_wrong_receiver_is_known_by_what_it_breaks(fault: LasFault) -> None:
    """Each fault of the simulated LAS is found, and no rule is called broken that is kept."""
    found = await judge([fault])
    assert not found.is_qualified
    assert named(found, Verdict.WRONG) == BROKEN_BY[fault]
    if "signed_message" not in BROKEN_BY[fault]:
        assert not named(found, Verdict.NOT_JUDGED)


async def test_an_answer_that_comes_too_late_is_none() -> None:
    """The message counts as not taken, and the slowest answer as late; nothing that builds on it is judged."""
    found = await judge([LasFault.TOO_SLOW], seconds=0.3)
    assert named(found, Verdict.WRONG) == {"signed_message", "wrong_signature", "in_time"}
    assert named(found, Verdict.NOT_JUDGED) == SIGNED - {"signed_message"}


def test_every_fault_of_the_simulator_has_its_rule() -> None:
    """At least twelve wrong receivers exist, and none of them is left out here."""
    assert {*BROKEN_BY, LasFault.TOO_SLOW} == set(LasFault)
    assert len(BROKEN_BY) >= 12
    assert set().union(*BROKEN_BY.values()) | {"in_time"} == set(ORDERED)


async def test_without_a_secret_it_says_what_it_cannot_judge() -> None:
    """A handshake and a stranger's message need none; a receiver is not called qualified on those alone."""
    found = await judge(secret=None)
    assert not found.is_qualified
    assert named(found, Verdict.NOT_JUDGED) == SIGNED
    assert named(found, Verdict.RIGHT) == {"handshake", "wrong_signature", "in_time"}
