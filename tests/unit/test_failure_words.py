"""Why an attempt failed, in Dutch: each of the words that the hub stores has a translation."""

from __future__ import annotations

import pytest

from hub.domain.failure_words import failure_in_dutch
from hub.outbound.failures import TLS_FAULTS


@pytest.mark.parametrize("said", [said for _, said in TLS_FAULTS])
def test_every_fault_of_tls_has_dutch_words(said: str) -> None:
    """Those that stand alone, and those after "no connection"."""
    alone = failure_in_dutch(said)
    assert alone
    assert failure_in_dutch(f"no connection: {said}") == alone


@pytest.mark.parametrize(
    ("error", "dutch"),
    [
        ("the receiver answered 503 Service Unavailable", "de ontvanger antwoordde met fout 503"),
        ("the receiver answered 302 Found; redirects are not followed", "de ontvanger stuurde door (302)"),
        ("no answer within 15 s", "geen antwoord binnen 15 s"),
        ("duo.rio.v1: no answer within 10 s", "geen antwoord binnen 10 s"),
        ("no connection: Connection refused", "op dit adres luistert niets"),
        ("no connection: it was closed during the TLS handshake", "tijdens de TLS-handdruk"),
        ("the name cannot be resolved: no answer within 5 s", "de naam in het adres"),
        ("las.example leads to an address that is not public", "niet openbaar"),
        (
            "the client certificate of the subscription cannot be used: it holds no certificate in PEM",
            "niet te gebruik",
        ),
    ],
)
def test_known_failures_have_dutch_words(error: str, dutch: str) -> None:
    """With the numbers that matter."""
    assert dutch in (failure_in_dutch(error) or "")


def test_other_failures_have_none() -> None:
    """The page quotes them as they are."""
    assert failure_in_dutch("KafkaConnectionError: broker 3") is None
