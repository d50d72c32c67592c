"""Requests to receivers: the one way out, its address guard, the handshake, and signed webhooks.

In: a URL that a receiver registered, and a message. Out: an answer as data. Used by the API (registration, test) and by
`consumers.forwarding.webhooks`.
"""

from hub.outbound.answers import AddressRefused, Answer, Answered, OwnFault, Unreachable
from hub.outbound.client import Outbound
from hub.outbound.look import Reached

__all__ = ["AddressRefused", "Answer", "Answered", "Outbound", "OwnFault", "Reached", "Unreachable"]
