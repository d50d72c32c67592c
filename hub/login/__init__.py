"""Login of people by OpenID Connect, and their sessions. In: an issuer's answers. Out: a session, by a secret cookie.

`attempt` binds a login to the browser that began it, `provider` talks to the issuer, `identity` reads who logged in,
and `sessions` starts, finds and ends sessions in the database. Pages use it; the API takes bearer tokens only.
"""
