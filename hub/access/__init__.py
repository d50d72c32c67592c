"""Who is asking, and what they may see and change. In: a bearer token. Out: a `Caller`, and answers about it.

`development` issues and verifies tokens of a key file, for one's own machine; `issuer` reads the published keys of a
real OpenID Connect issuer; `verify` checks what both have in common. The package loads none of these: most commands
read no token. `rules` holds every rule on who may what, `boards` reads the schools that they compare, and an `Actor`
is a caller who changes something.
"""

from hub.access.actor import COMMAND_LINE, Actor
from hub.access.caller import Caller, Role

__all__ = [
    "COMMAND_LINE",
    "Actor",
    "Caller",
    "Role",
]
