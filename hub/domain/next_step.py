"""What an operator does about a delivery. In: its status as it is shown, and why. Out: a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_REPLAY: Final = "`osr-hub replay --delivery {id} --dry-run` shows what sending the current state comes to."
_BY_STATUS: Final[Mapping[str, str]] = {
    "waiting": "Nothing: it goes by itself. `osr-hub lag` says whether {destination} is late, and why.",
    "retrying": "Nothing: it is tried again by itself. Tell the receiver's operator what it answers.",
    "delivered": "Nothing: the receiver took it; its report is still to come.",
    "in_progress": "Nothing: the receiver works on it; its last report is still to come.",
    "processed": "Nothing: it is processed.",
    "processed_with_signal": "It is processed, with signals: the school or its supplier reads them.",
    "activated": "Nothing: the receiver activated it.",
    "rejected": "The receiver's back office refused it: its report says why. A change of the mandate is sent anew.",
    "declined": "The receiver declined it: its report says why. A change of the mandate is sent anew.",
    "superseded": "Nothing: a newer message about the same unit took its place.",
    "dead": f"Mend the cause with the receiver's operator. {_REPLAY}",
    "cancelled": f"Nothing, unless it should go after all. {_REPLAY}",
}
_HELD: Final[Mapping[str, str]] = {
    "no_receiver": "Ask the supplier to subscribe; it then gets the current state.",
    "subscription_not_active": "Ask the supplier to resume its subscription; nothing is lost meanwhile.",
}
_HELD_BY_OPERATOR: Final = (
    "`osr-hub release {destination} --reason …` lets it go; with `--brin {brin}` where only the school is held."
)
_NO_REPORT_DUE: Final = "Nothing: the receiver took it, and no report is due."


def next_step(
    status: str, reason: str | None, *, delivery_id: object, destination: str, brin: str, expects_report: bool
) -> str:
    """Return what to do about a delivery with this status."""
    if status == "held":
        words = _HELD.get(reason or "", _HELD_BY_OPERATOR)
    elif status == "delivered" and not expects_report:
        words = _NO_REPORT_DUE
    else:
        words = _BY_STATUS[status]
    return words.format(id=delivery_id, destination=destination, brin=brin)
