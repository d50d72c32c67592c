"""Requests to receivers: the one HTTP client, its address guard, the handshake, and signed webhooks.

In: a URL that a receiver registered, and a message. Out: an answer as data. Used by the API (registration, test) and by
`consumers.forwarding.webhooks`.
"""

from hub.outbound.client import AddressRefused, Answer, Answered, Outbound, Unreachable

__all__ = ["AddressRefused", "Answer", "Answered", "Outbound", "Unreachable"]
