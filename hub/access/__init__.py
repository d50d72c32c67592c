"""Who is asking. In: a bearer token. Out: a `Caller`, or `NotAuthenticated`.

`development` makes and believes tokens of a key file, for one's own machine; `issuer` believes those of a real OpenID
Connect issuer by its published keys; `verify` checks what both have in common.
"""

from hub.access.caller import COOKIE, Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.access.verify import Verifier, verifier_for

__all__ = ["COOKIE", "Caller", "Role", "Verifier", "ensure_keyfile", "issue", "verifier_for"]
