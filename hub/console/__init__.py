"""Pages for people. In: a browser with a token in a cookie. Out: HTML in Dutch, or in English by a switch.

`/console` says to operations what is late, whose turn it is and what to press; on `/mandaten` a school's administrator
gives mandates, changes them, and sees what became of them. No script is needed: one small file refreshes what changes.
"""
