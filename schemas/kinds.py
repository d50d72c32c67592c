"""The closed sets of the published language: types of events, states, statuses, kinds.

Others read these words on the wire; a word that is here is never given another meaning.
"""

from enum import StrEnum
from typing import Literal


class EventType(StrEnum):
    """What an event or message is about; the last part is its version."""

    GRANTED = "nl.osr.mandate.granted.v1"
    AMENDED = "nl.osr.mandate.amended.v1"
    WITHDRAWN = "nl.osr.mandate.withdrawn.v1"
    STARTED = "nl.osr.mandate.started.v1"
    EXPIRED = "nl.osr.mandate.expired.v1"
    DELIVERY_CHANGED = "nl.osr.delivery.changed.v1"
    REPORT = "nl.osr.report.v1"
    SUBSCRIPTION_NOTICE = "nl.osr.subscription.notice.v1"


MANDATE_EVENT_TYPES = (
    EventType.GRANTED,
    EventType.AMENDED,
    EventType.WITHDRAWN,
    EventType.STARTED,
    EventType.EXPIRED,
)


class NoticeCause(StrEnum):
    """Why a supplier is sent a notice about its subscription."""

    DISABLED = "disabled"
    MISCONFIGURED = "misconfigured"
    WAITING = "waiting"
    SECRET_EXPIRES = "secret_expires"  # noqa: S105 - a cause, no secret
    CERTIFICATE_EXPIRES = "certificate_expires"


class MandateState(StrEnum):
    """Where a mandate stands on the day that the message speaks of."""

    FUTURE = "future"
    ACTIVE = "active"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class Change(StrEnum):
    """What differs from the mandate as it was before."""

    GRANTED = "granted"
    START_DATE = "startDate"
    END_DATE = "endDate"
    ROUTING = "routing"
    BRANCHES = "branches"
    BOARD = "board"
    WITHDRAWN = "withdrawn"


class ReportStatus(StrEnum):
    """What a receiver's back office says it did with a delivery."""

    IN_PROGRESS = "in_progress"
    PROCESSED = "processed"
    PROCESSED_WITH_SIGNAL = "processed_with_signal"
    REJECTED = "rejected"
    ACTIVATED = "activated"
    DECLINED = "declined"


class SignalKind(StrEnum):
    """How grave a back office's remark is, in its own words: an error, a notice, a signal."""

    FOUTMELDING = "Foutmelding"
    MELDING = "Melding"
    SIGNAAL = "Signaal"


class DeliveryStatus(StrEnum):
    """Where a delivery stands, as it is stored."""

    WAITING = "waiting"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    IN_PROGRESS = "in_progress"
    PROCESSED = "processed"
    PROCESSED_WITH_SIGNAL = "processed_with_signal"
    ACTIVATED = "activated"
    REJECTED = "rejected"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    DEAD = "dead"
    CANCELLED = "cancelled"


HELD: Literal["held"] = "held"
"""Shown instead of `waiting` and `retrying` while the destination or the lane is held; never stored."""
