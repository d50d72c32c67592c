"""The console. In: a browser with a token in a cookie. Out: HTML in Dutch, or in English by a switch.

`/console` shows operations what is late, who has to act and how; on `/mandaten` a school's administrator gives and
changes mandates and sees their status. It works without scripts; one small script refreshes the numbers.
"""
