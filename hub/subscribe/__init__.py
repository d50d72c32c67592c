"""Use case: a system asks to be told, by webhook.

In: what it wishes for, and its consent. Out: rows of `subscriptions`, lanes that are due or cancelled. Next:
consumers.forward. The functions take the connection first and leave the transaction to their caller, who rings the
bells `lanes` and `destinations` after it.
"""

from hub.subscribe.first import replace_backlog
from hub.subscribe.life import (
    NEEDS_CONSENT,
    Change,
    activate,
    change,
    check_free,
    disable,
    pause,
    remove,
    rotate,
    subscribe,
)
from hub.subscribe.noted import note
from hub.subscribe.wishes import agree, check

__all__ = [
    "NEEDS_CONSENT",
    "Change",
    "activate",
    "agree",
    "change",
    "check",
    "check_free",
    "disable",
    "note",
    "pause",
    "remove",
    "replace_backlog",
    "rotate",
    "subscribe",
]
