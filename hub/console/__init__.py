"""Pages for people. In: a browser with a token in a cookie. Out: HTML in Dutch, or in English by `?lang=en`.

`/console` says to operations what is late, whose turn it is and what to press; `/mandaten` says to a school what became
of its mandates. No script is needed: one small file refreshes what changes.
"""
