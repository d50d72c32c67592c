"""HTTP. In: a request. Out: JSON, or a problem. One router per resource; the rest of this package is what they share.

`app` puts it together; `middleware` stands before every request, `auth` says who asks, `problems` what went wrong,
`wiring` hands out connections, clock and bells, `paging` and `preconditions` read what lists and changes ask for.
"""
