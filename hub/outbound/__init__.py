"""The way out to receivers: the one HTTP client, its address guard, the handshake, and signed webhooks.

In: a URL that a receiver registered, and a message. Out: an answer as data. Used by the API (registration, test) and by
`consumers.forwarding.webhooks`.
"""

from hub.outbound.answers import Answer, Answered, NotAllowed, Unreachable
from hub.outbound.client import Outbound

__all__ = ["Answer", "Answered", "NotAllowed", "Outbound", "Unreachable"]
