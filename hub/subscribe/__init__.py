"""Use case: webhook subscriptions of systems.

In: the options of a subscription, and the receiver's consent. Out: rows of `subscriptions`, lanes that are due or
cancelled. Next: consumers.forwarding. The caller owns the transaction and notifies `lanes` and `destinations` after it.
"""

from hub.subscribe.audit import write_entry
from hub.subscribe.backlog import replace_backlog
from hub.subscribe.lifecycle import (
    NEEDS_CONSENT,
    AgreedRequest,
    activate,
    change,
    check_free,
    disable,
    pause,
    remove,
    rotate,
    subscribe,
)
from hub.subscribe.requests import Subscriber, check_fields, check_request, obtain_consent

__all__ = [
    "NEEDS_CONSENT",
    "AgreedRequest",
    "Subscriber",
    "activate",
    "change",
    "check_fields",
    "check_free",
    "check_request",
    "disable",
    "obtain_consent",
    "pause",
    "remove",
    "replace_backlog",
    "rotate",
    "subscribe",
    "write_entry",
]
